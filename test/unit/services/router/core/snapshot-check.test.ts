import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseSnapshot,
  showsAll,
  showsNone,
} from '../../../../../services/router/core/snapshot-check.ts';

const rows: [string, string, number[], boolean][] = [
  ['nobody waits', '10:20:', [], true],
  ['ended before', '10:20:', [5, 15], true],
  ['still running', '10:20:12', [12], false],
  ['started later', '10:20:', [20], false],
  ['ended, others run', '10:20:12,14', [13], true],
  ['ids have wrapped around: just ended', '4294967290:4294967300:', [4_294_967_295], true],
  ['ids have wrapped around: still running', '4294967290:4294967300:4294967298', [2], false],
  ['ids have wrapped around: begins later', '4294967290:4294967300:', [5], false],
];

for (const [name, text, xids, expected] of rows) {
  test(name, () => {
    const snapshot = parseSnapshot(text);
    assert.ok(snapshot);
    assert.equal(showsAll(snapshot, xids), expected);
  });
}

test('none of some transactions is shown', () => {
  const snapshot = parseSnapshot('10:20:12,14');
  assert.ok(snapshot);
  assert.equal(showsNone(snapshot, [12, 14, 20]), true);
  assert.equal(showsNone(snapshot, [12, 13]), false);
  assert.equal(showsNone(snapshot, []), true);
});

test('what is no snapshot', () => {
  assert.equal(parseSnapshot(''), null);
  assert.equal(parseSnapshot('1:2'), null);
  assert.equal(parseSnapshot('1:2:3,'), null);
});
