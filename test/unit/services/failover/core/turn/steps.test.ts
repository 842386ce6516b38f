import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import { trackOpening } from '../../../../../../services/failover/core/promotion-plan.ts';
import {
  addStep,
  explainSteps,
  prepareSent,
  trackSteps,
} from '../../../../../../services/failover/core/turn/steps.ts';
import type { PrepareRecord } from '../../../../../../shared/core/control/control-record.ts';
import {
  at,
  epoch,
  leadOf,
  nowMs,
  primaryState,
  record,
  replicationOf,
  withRecords,
} from '../../../../../helpers/controllers.ts';

/** eu-west chosen again for epoch 2 with the cut at its end, not opened yet. */
function promoting(changes: Partial<ControllerState> = {}): ControllerState {
  const seal = record.seal(2, primaryState().config.region, { at: '1:0/10', final: true });
  const state = withRecords(primaryState(), record.prepare(2), seal);
  const catchUp = {
    kind: 'catch-up',
    epoch: epoch(2),
    cut: at('1:0/10'),
    source: state.config.region,
  } as const;
  const replication = replicationOf(catchUp, { applied: at('1:0/8') });
  return trackOpening({ ...state, replication, opening: null, ...changes });
}
const told = (state: ControllerState): string[] => state.steps.map(({ step }) => step);

describe('steps of a change of primary', () => {
  it('tells each milestone once, when it is reached', () => {
    const before = promoting();
    assert.equal(before.fold.epoch, 2, 'the promotion is a quick one');
    assert.deepEqual(told(trackSteps(primaryState(), before)), ['old lease over']);
    const done = promoting({
      replication: {
        ...before.replication,
        applied: at('1:0/10'),
      } as ControllerState['replication'],
    });
    assert.deepEqual(told(trackSteps(before, done)), ['caught up']);
    assert.deepEqual(told(trackSteps(done, done)), []);
    const opened = { opened: { epoch: 2, timeline: 1 } };
    const begun = promoting({ replication: replicationOf(leadOf(2), opened) });
    assert.deepEqual(told(trackSteps(done, begun)), ['epoch begun in the log']);
  });

  it('notes the first asking for an epoch only', () => {
    const prepare = record.prepare(2) as PrepareRecord;
    const asked = prepareSent(primaryState(), prepare);
    assert.deepEqual(told(asked), ['prepare sent']);
    assert.equal(prepareSent(asked, prepare), asked);
  });

  it('says what is new, and nothing twice', () => {
    const before = primaryState();
    const after = addStep(before, 'promoted', 'why');
    const facts = explainSteps(before, after).map((one) => one.kind === 'explain' && one.facts);
    assert.deepEqual(facts, [{ epoch: 1, step: 'promoted', detail: 'why' }]);
    assert.deepEqual(explainSteps(after, after), []);
  });

  it('says how late a renewal came and what was left of the lease', () => {
    const before = primaryState();
    const renewed = (ms: number): ControllerState => ({
      ...before,
      nowMs: nowMs + ms,
      read: { ...before.read, renewalReadAtMs: nowMs + ms },
    });
    assert.deepEqual(explainSteps(before, renewed(1499)), []);
    const late = explainSteps(before, renewed(3000)).map((one) =>
      one.kind === 'explain' ? one.facts : null,
    );
    assert.deepEqual(late, [{ silentMs: 3000, leftMs: 1000 }]);
  });
});
