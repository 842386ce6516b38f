// test: light
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const program = join(import.meta.dirname, '../../fixtures/scripts/hold-lock.mjs');
const HOLDERS = 6;

test('holders take turns, and the lock of a dead owner is taken over', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lock-'));
  const [lock, counter] = [join(folder, 'install.lock'), join(folder, 'counter')];
  writeFileSync(counter, '0');
  // This process lives, but it did not start at 1: its id has been used again.
  mkdirSync(lock);
  writeFileSync(join(lock, `${process.pid}-1`), '');
  const run = promisify(execFile);
  await Promise.all(
    Array.from({ length: HOLDERS }, () => run(process.execPath, [program, lock, counter])),
  );
  assert.equal(readFileSync(counter, 'utf8'), String(HOLDERS));
  assert.equal(existsSync(lock), false);
});
