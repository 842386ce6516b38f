import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  emptyTail,
  planNotes,
  tailBound,
} from '../../../../../../services/failover/core/rejoin/tail-note.ts';
import {
  at,
  databaseOf,
  epoch,
  eu,
  primaryState,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

/** Epoch 2 began at 1:0/8 and epoch 3 at 1:0/4, before the start of epoch 2. */
const cutTwice = withRecords(
  replicaState(),
  record.prepare(2, { preferred: us }),
  record.seal(2, us, { at: '1:0/8' }),
  record.seal(2, eu, { at: '1:0/8', final: true }),
  record.prepare(3),
  record.seal(3, eu, { at: '1:0/4' }),
  record.prepare(3, {
    attempt: 2,
    preferred: eu,
    force: { acceptDataLoss: true, seals: [{ region: eu, position: at('1:0/4') }] },
  }),
);

describe('what a region tells of a change of primary', () => {
  const bounds = [
    ['1:0/4', null],
    ['1:0/6', [3, '1:0/4', true]],
    ['1:0/9', [3, '1:0/4', true]],
    ['2:0/0', [3, '1:0/4', true]],
  ] as const;
  for (const [position, expected] of bounds) {
    it(`a history that ends at ${position} was cut ${String(expected)}`, () => {
      const bound = tailBound(cutTwice, at(position));
      const found = bound && [bound.epoch, bound.after, bound.mayBeConfirmed];
      assert.deepEqual(found, expected && [expected[0], at(expected[1]), expected[2]]);
    });
  }

  it('an old primary whose tail is empty lost nothing', () => {
    const database = databaseOf(us, { fence: { lastOpenedEpoch: 1, lastOpenedTimeline: 1 } });
    assert.equal(emptyTail(replicaState({ database })), null);
    const ended = withRecords(
      replicaState({ database }),
      record.prepare(2),
      record.seal(2, us, { at: '1:0/8' }),
      record.seal(2, 'ap-south' as typeof us, { at: '1:0/8' }),
    );
    assert.deepEqual(emptyTail(ended), {
      ...{ epoch: epoch(2), after: null, transactions: 0, rows: 0 },
      ...{ mayBeConfirmed: false, isListed: true },
    });
  });

  it('the new primary tells the pause, once', () => {
    const state = primaryState();
    assert.deepEqual(planNotes(state), []);
    const { tenure } = state;
    assert.ok(tenure !== null);
    const opened = { ...state, tenure: { ...tenure, pauseMs: 640 } };
    const [effect] = planNotes(opened);
    assert.ok(effect?.kind === 'appendControl' && effect.record.kind === 'note');
    assert.deepEqual(effect.record.note, { about: 'opened', pauseMs: 640 });
    assert.deepEqual(planNotes(withRecords(opened, effect.record)), []);
  });

  it('the note of an opening lets the records of its first members go before it', () => {
    const opened = primaryState();
    const tenure = { ...opened.tenure, pauseMs: 1200, openedAtMs: opened.nowMs };
    const alone = { ...opened.fold, members: [] };
    const noted = (changes: object): number =>
      planNotes({ ...opened, tenure, ...changes } as typeof opened).length;
    assert.equal(noted({}), 1);
    assert.equal(noted({ fold: alone }), 0);
    assert.equal(noted({ fold: alone, nowMs: opened.nowMs + 1000 }), 1);
  });
});
