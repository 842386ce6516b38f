import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../services/failover/core/controller-state.ts';
import {
  nodeOpened,
  planOpening,
  tenureBroken,
  trackOpening,
  trackStrongReads,
  walsenderName,
} from '../../../../../services/failover/core/promotion-plan.ts';
import {
  ap,
  at,
  databaseOf,
  epoch,
  eu,
  leadOf,
  nowMs,
  primaryState,
  record,
  replicationOf,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

const catchUp = {
  kind: 'catch-up',
  epoch: epoch(2),
  source: eu,
  cut: at('1:0/10'),
} as const;
const slot = { slots: [{ name: 'meridian_2', isSound: true, isActive: false }] };
const parts = { ...slot, publications: ['meridian_2'] };

/** eu-west chosen for epoch 2 at 1:0/10, as a region that did not open epoch 1. */
function chosen(
  database: Parameters<typeof databaseOf>[1],
  changes: Partial<ControllerState> = {},
): ControllerState {
  const promoted = withRecords(
    primaryState(),
    record.prepare(2, { preferred: eu }),
    ...[eu, us, ap].map((region) => record.seal(2, region, { at: '1:0/10' })),
  );
  return trackOpening({
    ...promoted,
    role: 'promoting',
    tenure: null,
    opening: null,
    lease: { ...promoted.lease, validUntilMs: null },
    replication: replicationOf(catchUp, { phase: 'done' }),
    database: databaseOf(eu, { ...database, fence: { sealedEpoch: 2, ...database?.fence } }),
    ...changes,
  });
}

const withSequences = (state: ControllerState): ControllerState =>
  state.opening === null
    ? state
    : { ...state, opening: { ...state.opening, areSequencesRaised: true } };
const leading = { replication: replicationOf(leadOf(2), { opened: { epoch: 2, timeline: 1 } }) };
const named = { ...parts, synchronousStandbyNames: 'meridian_eu_west_2' };
const probed = (state: ControllerState): ControllerState =>
  state.opening === null
    ? state
    : { ...state, opening: { ...state.opening, probedAt: at('2:0/0') } };

const leaseOver = (state: ControllerState): ControllerState => ({
  ...state,
  read: { ...state.read, oldLeaseReadAtMs: state.nowMs - 6000 },
});

const rows = [
  {
    name: 'catch up first',
    state: chosen({}, { replication: replicationOf(catchUp, { applied: at('1:0/8') }) }),
    plan: [],
  },
  { name: 'publication and slot', state: chosen({}), plan: ['createPublicationAndSlot'] },
  { name: 'sequences', state: chosen(parts), plan: ['raiseSequences'] },
  {
    name: 'names',
    state: withSequences(chosen(parts)),
    plan: ['setSynchronousStandbyNames'],
  },
  { name: 'then the replicator leads', state: withSequences(chosen(named)), plan: [] },
  { name: 'probe', state: withSequences(chosen(named, leading)), plan: ['probeCommit'] },
  {
    name: 'the old lease runs out',
    state: probed(withSequences(chosen(named, leading))),
    plan: [],
  },
  {
    name: 'open',
    state: leaseOver(probed(withSequences(chosen(named, leading)))),
    plan: ['openNode'],
  },
  {
    name: 'nothing under a prepare',
    state: withRecords(leaseOver(probed(withSequences(chosen(named, leading)))), record.prepare(3)),
    plan: [],
  },
  {
    name: 'nothing on unknown facts',
    state: { ...chosen(parts), isDatabaseFresh: false },
    plan: [],
  },
  {
    name: 'nothing on another log than the one that sealed',
    state: chosen(parts, { replication: replicationOf(catchUp, { store: 'another' }) }),
    plan: [],
  },
];

describe('opening', () => {
  for (const { name, state, plan } of rows) {
    it(name, () => {
      assert.deepEqual(
        planOpening(state).map((effect) => effect.kind),
        plan,
      );
    });
  }

  it('has a walsender name of its own', () => {
    assert.equal(walsenderName(primaryState()), 'meridian_eu_west_1');
  });

  it('starts anew with another start of the server', () => {
    const before = chosen(parts);
    const database = databaseOf(eu, {
      ...parts,
      serverStart: 'start 2',
      fence: { sealedEpoch: 2 },
    });
    assert.notEqual(trackOpening({ ...before, database }).opening, before.opening);
    assert.equal(trackOpening(before).opening, before.opening);
  });
});

describe('being open', () => {
  it('strong reads wait for nothing when the cut is safe', () => {
    const { tenure } = nodeOpened(chosen(named, leading));
    assert.equal(tenure?.strongReadsFrom, null);
    assert.equal(tenure.knowsConfirmed, true);
  });

  it('a node that opened before waits for what it recovered, and knows nothing', () => {
    const again = probed(primaryState());
    const state = { ...again, opening: again.opening && { ...again.opening, isAgain: true } };
    const { tenure } = nodeOpened(state);
    assert.deepEqual(tenure?.strongReadsFrom, at('2:0/0'));
    assert.deepEqual(tenure.bound, at('2:0/0'));
    assert.equal(tenure.knowsConfirmed, false);
  });

  it('the wait of strong reads ends when Kf members hold it', () => {
    const open = primaryState();
    const waiting = (text: string): ControllerState => ({
      ...open,
      tenure: open.tenure && { ...open.tenure, strongReadsFrom: at(text) },
    });
    assert.equal(trackStrongReads(waiting('1:0/10')).tenure?.strongReadsFrom, null);
    assert.deepEqual(trackStrongReads(waiting('1:0/11')).tenure?.strongReadsFrom, at('1:0/11'));
  });

  it('a fence ends the tenure and the probe', () => {
    const { tenure, opening } = tenureBroken(primaryState());
    assert.deepEqual([tenure?.isBroken, tenure?.knowsConfirmed], [true, false]);
    assert.deepEqual([opening?.probedAt, opening?.isAgain], [null, true]);
  });

  it('reopens in its own epoch under a lease only', () => {
    const fenced = tenureBroken(primaryState({ database: databaseOf(eu, openedOnce) }));
    const ready = probed({ ...fenced, role: 'fenced' });
    assert.deepEqual(
      planOpening(ready).map((effect) => effect.kind),
      ['openNode'],
    );
    const lapsed = { ...ready, lease: { ...ready.lease, validUntilMs: nowMs } };
    assert.deepEqual(planOpening(lapsed), []);
  });
});

const openedOnce = {
  slots: [{ name: 'meridian_1', isSound: true, isActive: true }],
  publications: ['meridian_1'],
  synchronousStandbyNames: 'meridian_eu_west_1',
  fence: { lastOpenedEpoch: 1, lastOpenedTimeline: 1 },
};
