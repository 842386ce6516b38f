import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import {
  betterLogLeader,
  roundTripsOf,
} from '../../../../../../services/failover/core/relay/log-leader.ts';
import { step } from '../../../../../../services/failover/core/controller.ts';
import type { RegionId } from '../../../../../../shared/core/region.ts';
import {
  ap,
  eu,
  nowMs,
  peerOf,
  primaryState,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

const witness = 'witness' as RegionId;
const all = [eu, us, ap];

/** eu-west is primary: 75 ms to us-east, 115 to ap-south, 190 between these two. */
function farApart(changes: Partial<ControllerState> = {}): ControllerState {
  const east = { ...peerOf(us, { roundTripsMs: { [ap]: 190 } }), roundTripsMs: [75, 90] };
  return primaryState({ peers: [{ ...peerOf(ap), roundTripsMs: [140, 115] }, east], ...changes });
}

const placed = (leader: RegionId, holders = all, inSync: readonly RegionId[] = holders) => ({
  leader,
  holders,
  inSync,
});

const rows = [
  { name: 'from the region that is farthest off', placement: placed(ap), to: eu },
  { name: 'from the other end', placement: placed(us), to: eu },
  { name: 'not from where it should be', placement: placed(eu), to: null },
  { name: 'not while a broker is not in sync', placement: placed(ap, all, [eu, ap]), to: null },
  { name: 'not from a broker whose distance nobody tells', placement: placed(witness), to: null },
  {
    name: 'not where the distance of some broker is not known',
    placement: placed(ap, [ap, eu, witness]),
    to: null,
  },
  {
    name: 'not for a little',
    state: farApart({ peers: [us, ap].map((id) => ({ ...peerOf(id), roundTripsMs: [10] })) }),
    placement: placed(us, [eu, us]),
    to: null,
  },
  {
    name: 'not by a replica',
    state: replicaState({ peers: farApart().peers }),
    placement: placed(ap),
    to: null,
  },
  {
    name: 'not without a lease',
    state: farApart({ lease: { ...primaryState().lease, validUntilMs: null } }),
    placement: placed(ap),
    to: null,
  },
  {
    name: 'not during a change of primary',
    state: withRecords(farApart(), record.prepare(2)),
    placement: placed(ap),
    to: null,
  },
];

describe('the leader of the control log is moved', () => {
  for (const { name, state = farApart(), placement, to } of rows) {
    it(name, () => {
      assert.equal(betterLogLeader(state, placement)?.to ?? null, to);
    });
  }

  it('says what it rests on', () => {
    const move = betterLogLeader(farApart(), placed(ap));
    assert.equal(move?.why, 'a record of eu-west takes 115 ms there, 305 ms in ap-south');
  });
});

describe('round trips to other regions', () => {
  it('are the shortest of the last answers', () => {
    const report = peerOf(us).report;
    const hear = (state: ControllerState, ageMs: number): ControllerState =>
      step(state, { kind: 'peerReported', nowMs, report: { ...report, ageMs } }).state;
    const before = replicaState({ peers: [] });
    const one = hear(before, 50);
    assert.equal(roundTripsOf(hear(one, 91))[us], 50);
    const later = Array.from({ length: 20 }).reduce<ControllerState>((s) => hear(s, 91), one);
    assert.equal(roundTripsOf(later)[us], 90);
  });
});
