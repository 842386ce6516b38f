import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  endPositionOf,
  heldBytesOf,
  withoutMessages,
  type CommitRecord,
} from '../../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../shared/core/lsn.ts';
import type { RegionId } from '../../../../shared/core/region.ts';

const head = { epoch: 3 as Epoch, origin: 'eu-west' as RegionId };
const lsn = (value: bigint): Lsn => value as Lsn;
const transaction = (endLsn: bigint) => ({
  ...{ xid: 7, prevEndLsn: lsn(0n), commitTimeUs: 0n, messages: [] },
  endLsn: lsn(endLsn),
});
const position = { epoch: 2 as Epoch, endLsn: lsn(9n) };

const rows: [string, CommitRecord, typeof position | null][] = [
  [
    'the last of several transactions',
    { kind: 'transactions', ...head, transactions: [transaction(16n), transaction(32n)] },
    { epoch: head.epoch, endLsn: lsn(32n) },
  ],
  [
    'the start of an epoch is its first position',
    { kind: 'epoch-start', ...head, cut: position, timeUs: 0n },
    { epoch: head.epoch, endLsn: lsn(0n) },
  ],
  ['a seed ends where it says', { kind: 'seed', ...head, position, store: 's' }, position],
  ['an idle record ends nothing', { kind: 'idle', ...head, lsn: lsn(99n), timeUs: 0n }, null],
  ['a seal ends nothing', { kind: 'sealed', ...head, position }, null],
];

for (const [name, record, expected] of rows) {
  test(name, () => assert.deepEqual(endPositionOf(record), expected));
}

const changed = { ...transaction(48n), messages: [new Uint8Array(100), new Uint8Array(20)] };
const withChanges: CommitRecord = {
  ...{ kind: 'transactions', ...head },
  transactions: [changed, changed],
};

test('small rows take more memory than their bytes', () => {
  assert.ok(heldBytesOf(withChanges) > 2 * 120 + 4 * 100);
  assert.equal(heldBytesOf({ kind: 'idle', ...head, lsn: lsn(1n), timeUs: 0n }), 0);
});

test('without its messages a record ends where it did', () => {
  const bare = withoutMessages(withChanges);
  assert.equal(heldBytesOf(bare), 0);
  assert.deepEqual(endPositionOf(bare), endPositionOf(withChanges));
});
