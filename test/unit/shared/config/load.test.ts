import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { loadSecrets, parseClusterFile } from '../../../../shared/config/load.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';

const schema = z.strictObject({
  policy: z.strictObject({ leaseTtlMs: z.int().min(1).default(5000) }).prefault({}),
});
const parse = (text: string, environment: Record<string, string> = {}): unknown =>
  parseClusterFile(text, schema, { path: 'meridian.yaml', environment });

test('defaults < file < environment', () => {
  assert.deepEqual(parse('{}'), { policy: { leaseTtlMs: 5000 } });
  assert.deepEqual(parse('policy:\n  leaseTtlMs: 4500'), { policy: { leaseTtlMs: 4500 } });
  const environment = { MERIDIAN_POLICY_LEASE_TTL_MS: '7000' };
  assert.deepEqual(parse('policy:\n  leaseTtlMs: 4500', environment), {
    policy: { leaseTtlMs: 7000 },
  });
});

test('a message has path, line, value and reason', () => {
  assert.throws(
    () => parse('policy:\n  leaseTtlMs: soon'),
    (error) =>
      error instanceof MeridianError &&
      error.code === 'ConfigInvalid' &&
      /policy\.leaseTtlMs \(line 2\) is "soon": .*expected number/i.test(error.message),
  );
});

test('an unknown key is refused by name', () => {
  assert.throws(() => parse('policy:\n  leaseTtl: 1'), /policy \(line \d\).*leaseTtl/);
});

test('broken YAML is refused', () => {
  assert.throws(() => parse('policy: ['), MeridianError);
});

test('the snapshot is frozen', () => {
  assert.equal(Object.isFrozen((parse('{}') as { policy: object }).policy), true);
});

test('a secrets file that others can read is refused', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'meridian-')), 'secrets.yaml');
  writeFileSync(path, 'version: 1');
  chmodSync(path, 0o644);
  assert.throws(() => loadSecrets(path), /can be read by others/);
});
