import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandFor } from '../../../../infra/scripts/apt.mjs';
import { missingPackages } from '../../../../infra/scripts/extra-programs.mjs';

test('a program that is in none of the folders is missing, by its package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'programs-'));
  writeFileSync(join(folder, 'h2load'), '');
  const packages = { h2load: 'nghttp2-client', nginx: 'nginx' };
  assert.deepEqual(missingPackages(packages, [folder]), ['nginx']);
  assert.deepEqual(missingPackages(packages, []), ['nghttp2-client', 'nginx']);
  rmSync(folder, { recursive: true });
});

test('who installs servers by hand is told how to stop them', () => {
  assert.match(commandFor(['wrk', 'nginx', 'haproxy']), /disable --now nginx haproxy$/);
  assert.doesNotMatch(commandFor(['wrk']), /systemctl/);
});
