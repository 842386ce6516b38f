import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../services/failover/core/controller-state.ts';
import {
  planSeal,
  sealDuty,
  sealRaised,
  trackSeal,
} from '../../../../../services/failover/core/seal-plan.ts';
import {
  ap,
  at,
  configOf,
  databaseOf,
  epoch,
  eu,
  lsn,
  nowMs,
  primaryState,
  record,
  replicaState,
  replicationOf,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

const switching = record.prepare(2, { change: 'switchover', preferred: us });
const failing = record.prepare(2);
const draining = (sinceMs: number, running: number): ControllerState => {
  const { database } = primaryState();
  return withRecords(
    primaryState({
      role: 'draining',
      seal: { epoch: epoch(2), drainingSinceMs: sinceMs, walEnd: null, ownEpoch: null },
      database: database && {
        ...database,
        fence: { ...database.fence, openEpoch: null },
        runningTransactions: running,
      },
    }),
    switching,
  );
};
const unseeded = databaseOf(us, { progress: { position: at('1:0/9'), store: '' } });

const rows = [
  { name: 'nothing without a prepare', state: primaryState(), duty: 'none' },
  { name: 'seal in a failover', state: withRecords(replicaState(), failing), duty: 'seal' },
  {
    name: 'wait in a switchover for the old primary',
    state: withRecords(replicaState(), switching),
    duty: 'none',
  },
  {
    name: 'seal when it has sealed',
    state: withRecords(replicaState(), switching, record.seal(2, eu, { at: '1:0/10' })),
    duty: 'seal',
  },
  {
    name: 'leave a switchover to the two that it is about',
    state: withRecords(
      replicaState({ config: configOf(ap), database: databaseOf(ap) }),
      switching,
      record.seal(2, eu, { at: '1:0/10', final: true }),
    ),
    duty: 'none',
  },
  {
    name: 'seal when the switchover becomes a failover',
    state: withRecords(replicaState(), switching, record.prepare(2, { attempt: 2 })),
    duty: 'seal',
  },
  {
    name: 'drain as the old primary',
    state: withRecords(primaryState(), switching),
    duty: 'drain',
  },
  { name: 'drain while transactions run', state: draining(nowMs - 100, 3), duty: 'drain' },
  { name: 'seal when none runs', state: draining(nowMs - 100, 0), duty: 'seal' },
  { name: 'seal when they had their time', state: draining(nowMs - 600, 3), duty: 'seal' },
  {
    name: 'nothing before the hello',
    state: withRecords(replicaState({ kind: 'greeting' }), failing),
    duty: 'none',
  },
  {
    name: 'nothing before the seed has ended',
    state: withRecords(replicaState({ database: unseeded }), failing),
    duty: 'none',
  },
] as const;

describe('seal duty', () => {
  for (const { name, state, duty } of rows) {
    it(name, () => {
      assert.equal(sealDuty(state), duty);
    });
  }
});

describe('seal plan', () => {
  it('drains, raises the fence, completes the log, tells', () => {
    const kinds = (state: ControllerState): readonly string[] =>
      planSeal(state).map((effect) => effect.kind);
    assert.deepEqual(kinds(withRecords(primaryState(), switching)), ['drainNode']);
    assert.deepEqual(kinds(draining(nowMs - 100, 0)), ['sealNode']);
    const raised = sealRaised(draining(nowMs - 100, 0), lsn(0x20n));
    assert.equal(raised.seal?.ownEpoch, 1);
    assert.deepEqual(kinds(raised), []);
    const directive = {
      kind: 'complete',
      epoch: epoch(1),
      sealEpoch: epoch(2),
      isOpener: true,
      walEnd: lsn(0x20n),
    } as const;
    const replication = replicationOf(directive, {
      phase: 'done',
      logEnd: at('1:0/18'),
      confirmed: at('1:0/10'),
      sealedEpoch: 2,
      opened: { epoch: 1, timeline: 1 },
    });
    const [effect] = planSeal({ ...raised, replication });
    assert.ok(effect?.kind === 'appendControl' && effect.record.kind === 'seal');
    assert.deepEqual(effect.record, {
      kind: 'seal',
      epoch: 2,
      region: eu,
      store: 'eu-west-store',
      position: at('1:0/18'),
      final: true,
      confirmed: at('1:0/10'),
    });
    // It had begun the epoch in its log, and the older lease was not over yet.
    const fence = { ...raised.database?.fence, lastOpenedEpoch: 0 };
    const closed = { ...raised, replication, database: { ...raised.database, fence } };
    const [early] = planSeal(closed as ControllerState);
    assert.ok(early?.kind === 'appendControl' && early.record.kind === 'seal');
    assert.equal(early.record.final, false);
    const unknowing = { ...raised, replication, tenure: null };
    const [other] = planSeal(unknowing);
    assert.ok(other?.kind === 'appendControl' && other.record.kind === 'seal');
    assert.equal(other.record.confirmed, null);
  });

  it('drains once, whatever is not known of it yet', () => {
    const state = withRecords(primaryState({ isDatabaseFresh: false }), switching);
    assert.deepEqual(planSeal(state), []);
  });

  it('a node on another timeline seals only after its tail is in the log, never for good', () => {
    const { database } = primaryState();
    assert.ok(database);
    const promoted = withRecords(primaryState({ database: { ...database, timeline: 2 } }), failing);
    assert.equal(sealDuty(promoted), 'none');
    const fence = { ...database.fence, lastOpenedEpoch: 0 };
    const judged = { ...promoted, database: { ...database, timeline: 2, fence } };
    assert.equal(sealDuty(judged), 'seal');
    assert.equal(sealRaised(judged, lsn(0x20n)).seal?.ownEpoch, null);
  });

  it('notes since when it drains, and forgets it with the prepare', () => {
    const state = trackSeal(withRecords(primaryState(), switching));
    assert.equal(state.seal?.drainingSinceMs, nowMs);
    assert.equal(trackSeal({ ...primaryState(), seal: state.seal }).seal, null);
  });
});
