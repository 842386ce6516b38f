import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  durabilityModes,
  parseDurabilityMode,
  synchronousCommitOf,
} from '../../../../shared/core/durability.ts';

const rows = [
  { mode: 'async', setting: 'local' },
  { mode: 'logged', setting: 'on' },
  { mode: 'semi-sync', setting: 'remote_write' },
  { mode: 'sync', setting: 'remote_apply' },
] as const;

for (const { mode, setting } of rows) {
  test(`${mode} waits by synchronous_commit = ${setting}`, () => {
    assert.equal(synchronousCommitOf(mode), setting);
    assert.equal(parseDurabilityMode(mode), mode);
  });
}

test('the modes are those of the table, weakest first', () => {
  assert.deepEqual(
    durabilityModes,
    rows.map(({ mode }) => mode),
  );
});

for (const text of ['', 'off', 'ASYNC', 'semi_sync', 'remote_apply', ' sync']) {
  test(`no mode: '${text}'`, () => {
    assert.equal(parseDurabilityMode(text), null);
  });
}
