import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { positionBefore } from '../../../../../services/replicator/core/log-beginning.ts';
import type { CommitRecord } from '../../../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../../shared/core/lsn.ts';
import { formatPosition } from '../../../../../shared/core/position.ts';
import { at, eu } from '../../../../helpers/control-records.ts';

const head = { epoch: 3 as Epoch, origin: eu };
const lsn = (n: bigint): Lsn => n as Lsn;
const part = { xid: 7, commitTimeUs: 0n, messages: [] };
const transaction = { ...part, prevEndLsn: lsn(0x10n), endLsn: lsn(0x20n) };

const rows: readonly (readonly [string, CommitRecord, string | null])[] = [
  ['a seed: itself', { kind: 'seed', ...head, position: at('2:0/50'), store: 's' }, '2:0/50'],
  ['an epoch: its cut', { kind: 'epoch-start', ...head, cut: at('2:0/40'), timeUs: 0n }, '2:0/40'],
  [
    'transactions: the end before the first',
    { kind: 'transactions', ...head, transactions: [transaction] },
    '3:0/10',
  ],
  [
    'a part of a large one: the end before it',
    {
      kind: 'chunk',
      ...head,
      ...part,
      part: 0,
      isLast: false,
      prevEndLsn: lsn(0x30n),
      endLsn: null,
    },
    '3:0/30',
  ],
  ['an idle record: anywhere', { kind: 'idle', ...head, lsn: lsn(1n), timeUs: 0n }, null],
  ['a record of the region alone: anywhere', { kind: 'opened', ...head, timeline: 1 }, null],
];

describe('where a reader has to be', () => {
  for (const [name, record, expected] of rows) {
    it(name, () => {
      const found = positionBefore(record);
      assert.equal(found === null ? null : formatPosition(found), expected);
    });
  }
});
