import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkChain, placeAt } from '../../../../../services/replicator/core/chain-check.ts';
import {
  lateBeginning,
  positionBefore,
} from '../../../../../services/replicator/core/log-beginning.ts';
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

describe('whether a log begins too late for a reader', () => {
  const cuts = { history: [{ epoch: 3 as Epoch, cut: at('2:0/40') }], uptoEpoch: 3 as Epoch };
  const late = (from: string, record: CommitRecord): string | null => {
    const verdict = checkChain(placeAt(at(from)), record, cuts);
    const found = lateBeginning(at(from), record, { verdict, cuts });
    return found === null ? null : formatPosition(found);
  };
  const next: CommitRecord = { kind: 'transactions', ...head, transactions: [transaction] };
  const seed = (position: string): CommitRecord => {
    return { kind: 'seed', ...head, position: at(position), store: 's' };
  };

  it('not when the first record comes next', () => assert.equal(late('3:0/10', next), null));
  it('when it follows a later one', () => assert.equal(late('3:0/8', next), '3:0/10'));
  it('when it is of a later epoch', () => assert.equal(late('2:0/40', next), '3:0/10'));
  it('not when the reader is past it', () => assert.equal(late('3:0/50', next), null));
  it('not when the reader went on elsewhere', () => assert.equal(late('3:0/18', next), null));
  it('when nothing but a seed record is left', () => {
    assert.equal(late('3:0/8', seed('3:0/10')), '3:0/10');
    assert.equal(late('3:0/10', seed('3:0/10')), null);
  });
  it('not by a seed record that tells of void transactions', () => {
    assert.equal(late('2:0/40', seed('2:0/50')), null);
    assert.equal(late('2:0/30', seed('2:0/50')), '2:0/40');
  });
});
