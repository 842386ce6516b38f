/** What the fold keeps for people alone: drained regions, who asked for what, notes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { revocationsMax } from '../../../../../shared/core/control/control-labels.ts';
import type { ControlRecord } from '../../../../../shared/core/control/control-record.ts';
import type { ControlState } from '../../../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import { ap, eu, foldAll, inEpochOne, record, us } from '../../../../helpers/control-records.ts';

const operation = { id: 'op-1', by: 'ann', reason: 'test', atMs: 1 };
const traffic = (region: typeof us, isAccepting: boolean): ControlRecord => ({
  kind: 'traffic',
  region,
  isAccepting,
  operation: null,
});
const opened = (region: typeof us): ControlRecord => ({
  kind: 'note',
  epoch: 1 as Epoch,
  region,
  note: { about: 'opened', pauseMs: 640 },
});

const tail = (rows: number): ControlRecord => ({
  kind: 'note',
  epoch: 1 as Epoch,
  region: us,
  note: { about: 'tail', transactions: 1, rows, mayBeConfirmed: false, isListed: true },
});

const dayMs = 24 * 60 * 60 * 1000;
const revoke = (tokenId: string, untilMs: number, atMs: number): ControlRecord => ({
  kind: 'revoke',
  revocation: { tokenId, subject: null, issuedBeforeMs: 0, untilMs },
  atMs,
  operation,
});

interface Row {
  readonly name: string;
  readonly records: readonly ControlRecord[];
  readonly last: 'applied' | 'void';
  readonly check?: (state: ControlState) => void;
}

const rows: readonly Row[] = [
  {
    name: 'a region is drained until it is taken back',
    records: [traffic(us, false), traffic(ap, false), traffic(us, true)],
    last: 'applied',
    check: (state) => assert.deepEqual(state.drained, [ap]),
  },
  {
    name: 'a revocation is kept until its token has expired everywhere',
    records: [revoke('a', dayMs, 0), revoke('b', 9 * dayMs, 0), revoke('c', 9 * dayMs, 3 * dayMs)],
    last: 'applied',
    check: (state) => {
      assert.deepEqual(
        state.revoked.map(({ tokenId }) => tokenId),
        ['b', 'c'],
      );
      assert.equal(state.operations.at(-1)?.verb, 'revoke');
    },
  },
  {
    name: 'no revocation in force is dropped for want of room',
    records: Array.from({ length: revocationsMax + 1 }, (_, i) => revoke(String(i), dayMs, 0)),
    last: 'void',
    check: (state) => assert.equal(state.revoked.length, revocationsMax),
  },
  {
    name: 'what an operator did besides is in the audit',
    records: [{ kind: 'audit', verb: 'discard', region: us, epoch: 1 as Epoch, operation }],
    last: 'applied',
    check: (state) => assert.equal(state.operations.at(-1)?.verb, 'discard'),
  },
  {
    name: 'what an operator asked for is kept with its label, attempts each by themselves',
    records: [
      record.prepare(2, { operation }),
      record.prepare(2, { attempt: 2, preferred: us, operation }),
      record.prepare(2, { attempt: 2, operation: { ...operation, id: 'too late' } }),
    ],
    last: 'void',
    check: (state) =>
      assert.deepEqual(
        state.operations.map((one) => [one.operation.id, one.attempt, one.region]),
        [
          ['op-1', 1, null],
          ['op-1', 2, us],
        ],
      ),
  },
  {
    name: 'a note of the new primary is kept once',
    records: [opened(eu), opened(eu)],
    last: 'void',
    check: (state) => assert.equal(state.notes.length, 1),
  },
  {
    name: 'a region that was not promoted has opened nothing',
    records: [opened(us)],
    last: 'void',
  },
  {
    name: 'more of a tail than the first look showed replaces it',
    records: [tail(1), tail(2)],
    last: 'applied',
    check: (state) => assert.deepEqual(state.notes, [tail(2)]),
  },
  { name: 'the same of a tail is void', records: [tail(1), tail(1)], last: 'void' },
];

for (const { name, records, last, check } of rows) {
  test(name, () => {
    const { state, outcomes } = foldAll(records, inEpochOne([us, ap]));
    assert.equal(outcomes.at(-1)?.kind, last);
    check?.(state);
  });
}
