import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import {
  askedForHolders,
  betterLogLeader,
  holdersInReach,
  isLogStalled,
  missingHolder,
  roundTripsOf,
  steadyPlacement,
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
  ...{ leader, holders, inSync },
  leaderEpoch: 7,
});

const steadyMs = 30_000;
const longSo = (placement: ReturnType<typeof placed>) => ({
  placement,
  sinceMs: nowMs - steadyMs,
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
      assert.equal(betterLogLeader(state, longSo(placement))?.to ?? null, to);
    });
  }

  it('says what it rests on', () => {
    const move = betterLogLeader(farApart(), longSo(placed(ap)));
    assert.equal(move?.why, 'a record of eu-west takes 115 ms there, 305 ms in ap-south');
  });
});

/** No renewal has been read for `ms`. */
function silentFor(ms: number, changes: Partial<ControllerState> = {}): ControllerState {
  const state = farApart(changes);
  return { ...state, read: { ...state.read, renewalReadAtMs: state.nowMs - ms } };
}

describe('the control log stalls', () => {
  const stalls = [
    { name: 'when no renewal was read for more than a second', state: silentFor(1001), is: true },
    { name: 'not before', state: silentFor(1000), is: false },
    {
      name: 'in a region that follows too',
      state: { ...replicaState(), read: { ...replicaState().read, renewalReadAtMs: -1000 } },
      is: true,
    },
    {
      name: 'not before the log has been read',
      state: silentFor(1001, { kind: 'greeting' }),
      is: false,
    },
  ];
  for (const { name, state, is } of stalls) it(name, () => assert.equal(isLogStalled(state), is));

  it('and then its leader is not moved', () => {
    assert.equal(betterLogLeader(silentFor(1001), longSo(placed(ap))), null);
  });
});

describe('the leader stays where it is after something changed', () => {
  const before = steadyPlacement(null, placed(ap), nowMs - steadyMs);
  const changes = [
    { name: 'nothing did', now: placed(ap, [us, ap, eu]), isMoved: true },
    { name: 'another one led meanwhile', now: { ...placed(ap), leaderEpoch: 9 }, isMoved: false },
    { name: 'a broker was not in sync', now: placed(ap, all, [eu, ap]), isMoved: false },
    { name: 'a copy was missing', now: placed(ap, [eu, ap]), isMoved: false },
  ];
  for (const { name, now, isMoved } of changes) {
    it(name, () => {
      const between = steadyPlacement(before, now, nowMs - 1);
      const after = steadyPlacement(between, now, nowMs);
      assert.equal(betterLogLeader(farApart(), after) !== null, isMoved);
    });
  }

  it('not for half a minute yet', () => {
    const later = steadyPlacement(null, placed(ap), nowMs - steadyMs + 1);
    assert.equal(betterLogLeader(farApart(), later), null);
  });
});

describe('who is asked to leave out a broker', () => {
  it('the own broker alone, while it answers', () => {
    assert.deepEqual(askedForHolders(farApart(), [ap, eu]), [eu]);
  });
  it('every one that answers, when the own does not', () => {
    assert.deepEqual(askedForHolders(farApart(), [ap, us]), [ap, us]);
  });
});

describe('a lost broker is left out', () => {
  const stalled = silentFor(1001);
  const rows: {
    name: string;
    state?: ControllerState;
    placement: ReturnType<typeof placed>;
    reached: RegionId[];
    rest: RegionId[] | null;
  }[] = [
    { name: 'the leader', placement: placed(eu), reached: [us, ap], rest: [us, ap] },
    { name: 'a copy in sync', placement: placed(eu), reached: [eu, ap], rest: [eu, ap] },
    {
      name: 'not while the log goes on',
      state: silentFor(1000),
      placement: placed(eu),
      reached: [us, ap],
      rest: null,
    },
    { name: 'not where all answer', placement: placed(eu), reached: all, rest: null },
    {
      name: 'not one that nobody waits for',
      placement: placed(eu, all, [eu, us]),
      reached: [eu, us],
      rest: null,
    },
    { name: 'never so that one is left', placement: placed(eu), reached: [us], rest: null },
    {
      name: 'never so that one in sync is left',
      placement: placed(eu, all, [eu, us]),
      reached: [us, ap],
      rest: null,
    },
    {
      name: 'of four copies',
      placement: placed(eu, [...all, witness]),
      reached: [us, witness],
      rest: [us, witness],
    },
  ];
  const follower = (heardMsAgo: number): ControllerState => ({
    ...replicaState({ peers: [{ ...peerOf(eu), heardAtMs: nowMs - heardMsAgo }] }),
    read: { ...replicaState().read, renewalReadAtMs: nowMs - 1001 },
  });
  rows.push(
    {
      name: 'by a region that follows where the primary is silent too',
      state: follower(2001),
      placement: placed(eu),
      reached: [us, ap],
      rest: [us, ap],
    },
    {
      name: 'not by it while the primary is heard',
      state: follower(2000),
      placement: placed(eu),
      reached: [us, ap],
      rest: null,
    },
    {
      name: 'not by the second of two that follow',
      state: { ...follower(2001), config: { ...follower(2001).config, region: ap } },
      placement: placed(eu),
      reached: [us, ap],
      rest: null,
    },
  );
  for (const { name, state = stalled, placement, reached, rest } of rows) {
    it(name, () => assert.deepEqual(holdersInReach(state, placement, reached), rest));
  }
});

describe('a copy that was left out comes back', () => {
  const wanted = { voters: all, copies: 3 };
  const rows: {
    name: string;
    state?: ControllerState;
    placement: ReturnType<typeof placed>;
    missing: RegionId | null;
  }[] = [
    { name: 'of the voter that has none', placement: placed(us, [us, ap]), missing: eu },
    { name: 'not where none is missing', placement: placed(us), missing: null },
    {
      name: 'not while another one is behind',
      placement: placed(us, [us, ap], [us]),
      missing: null,
    },
    {
      name: 'not while the log stalls',
      state: silentFor(1001),
      placement: placed(us, [us, ap]),
      missing: null,
    },
    { name: 'not by a replica', state: replicaState(), placement: placed(us, [us]), missing: null },
  ];
  for (const { name, state = farApart(), placement, missing } of rows) {
    it(name, () => assert.equal(missingHolder(state, placement, wanted), missing));
  }
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
