import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  rescuedState,
  rescueEpoch,
  survivingPosition,
  type SurvivingData,
} from '../../../../../../services/cli/core/rescue/rescued-state.ts';
import { isWithinCuts } from '../../../../../../shared/core/consistency.ts';
import { foldControl } from '../../../../../../shared/core/control/control-fold.ts';
import {
  decodeControlState,
  encodeControlState,
} from '../../../../../../shared/core/control/control-state-codec.ts';
import { initialControlState } from '../../../../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../../../../shared/core/epoch.ts';
import { parseLsn, zeroLsn } from '../../../../../../shared/core/lsn.ts';
import { ap, at, eu, policyOfThree, us } from '../../../../../helpers/control-records.ts';

const policy = { ...policyOfThree, clusterId: 'new', priority: [ap, eu, us] };
const operation = { id: 'rescue-1', by: 'somebody', reason: 'two regions burnt', atMs: 1 };
const replica: SurvivingData = {
  region: ap,
  checkpoint: { ...initialControlState, policy: policyOfThree, epoch: 3 as Epoch, primary: eu },
  progress: at('3:0/50'),
  sealedEpoch: 0,
  lastOpenedEpoch: 0,
  walEnd: parseLsn('0/99') ?? zeroLsn,
};

describe('where the history of a survivor ends', () => {
  it('is what a replica applied', () => {
    assert.deepEqual(survivingPosition(replica), at('3:0/50'));
  });

  it('is the WAL end of a node that was primary', () => {
    assert.deepEqual(survivingPosition({ ...replica, lastOpenedEpoch: 3 }), at('3:0/99'));
  });

  it('is nowhere in a region that was never seeded', () => {
    assert.equal(survivingPosition({ ...replica, progress: null }), null);
  });
});

describe('the epoch of a rescue', () => {
  for (const [name, change] of [
    ['the fold', {}],
    ['a promise', { sealedEpoch: 4 }],
    ['an epoch the node opened', { lastOpenedEpoch: 5 }],
  ] as const) {
    it(`is far beyond ${name}`, () => {
      const highest = Math.max(3, ...Object.values(change));
      assert.equal(rescueEpoch({ ...replica, ...change }), highest + 1000);
    });
  }
});

describe('the fold after a rescue', () => {
  const position = at('3:0/50');
  const state = rescuedState(replica, position, { policy, operation });

  it('waits for the survivor’s seal, and then promotes it at its position', () => {
    const seal = { region: ap, store: 'new-log', position, final: false, confirmed: null };
    const epoch = 1004 as Epoch;
    const folded = foldControl(state, { kind: 'seal', epoch, ...seal });
    assert.equal(folded.outcome.kind, 'promoted');
    const { primary, history } = folded.state;
    assert.deepEqual([primary, folded.state.epoch, folded.state.members], [ap, epoch, []]);
    const { cut, safe, store } = history.at(-1) ?? {};
    assert.deepEqual([cut, safe, store], [position, position, 'new-log']);
  });

  it('leaves whatever others held beyond the position outside', () => {
    assert.equal(isWithinCuts(position, state.epoch, state.history), true);
    assert.equal(isWithinCuts(at('3:0/51'), state.epoch, state.history), false);
    assert.equal(isWithinCuts(at('4:0/1'), state.epoch, state.history), false);
  });

  it('is a checkpoint like any other, and says who did it', () => {
    const decoded = decodeControlState(encodeControlState(state));
    assert.deepEqual(decoded, { kind: 'state', state });
    const told = state.history.at(-1);
    assert.deepEqual([told?.from, told?.isForced, told?.operation], [eu, true, operation]);
  });

  it('is made without a checkpoint, too', () => {
    const made = rescuedState({ ...replica, checkpoint: null }, position, { policy, operation });
    assert.deepEqual([made.epoch, made.primary, made.history.length], [1003, ap, 1]);
  });
});
