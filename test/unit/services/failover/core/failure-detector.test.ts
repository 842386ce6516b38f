import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../services/failover/core/controller-state.ts';
import {
  backedOffUntilMs,
  detectFailure,
} from '../../../../../services/failover/core/failure-detector.ts';
import { initialControlState } from '../../../../../shared/core/control/control-state.ts';
import {
  ap,
  at,
  databaseOf,
  eu,
  foldAll,
  followOf,
  inEpochOne,
  configOf,
  nodeOf,
  nowMs,
  primaryState,
  record,
  replicaState,
  replicationOf,
  leadOf,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

type ReadTimes = ControllerState['read'];
const reading = (changes: Partial<ReadTimes>): Partial<ControllerState> => ({
  read: { ...replicaState().read, ...changes },
});
const expired = reading({ leaseReadAtMs: nowMs - 5250 });
const waited = reading({ attemptReadAtMs: nowMs - 9000 });

/** us-east in step with eu-west, both well, and told to be primary when it has been quiet. */
function preferring(changes: Partial<ControllerState>): ControllerState {
  const bounds = { preferredPrimary: us, preferredQuietMs: 60_000 };
  return replicaState({
    config: { ...configOf(us), ...bounds },
    replication: replicationOf(followOf(1), { store: 'us-east-store', freshAtMs: nowMs - 100 }),
    ...reading({ promotedAtMs: nowMs - 60_000 }),
    ...changes,
  });
}

/** eu-west, whose node begins as the copy of a database on another server. */
function adopting(phase: 'copying' | 'following'): ControllerState {
  return primaryState({
    fold: foldAll([record.policy()], initialControlState).state,
    nodes: [nodeOf('eu-west/pg-1', { data: 'half-made', mode: null, adoption: { phase } })],
    database: null,
  });
}

interface Row {
  readonly name: string;
  readonly state: ControllerState;
  /** `attempt change preferred` of the prepare, or null. */
  readonly proposal: string | null;
}

const switching = record.prepare(2, { change: 'switchover', preferred: us });
const abandoned = record.prepare(2, { attempt: 2, change: 'switchover', preferred: eu });

const rows: readonly Row[] = [
  { name: 'nothing under a lease', state: replicaState(), proposal: null },
  {
    name: 'a failover when the lease is over',
    state: replicaState(expired),
    proposal: '1 failover null',
  },
  {
    name: 'nothing just before',
    state: replicaState(reading({ leaseReadAtMs: nowMs - 5249 })),
    proposal: null,
  },
  {
    name: 'nothing when the region was paused itself and has not listened since',
    state: replicaState({
      ...reading({ leaseReadAtMs: nowMs - 30_000 }),
      listeningSinceMs: nowMs - 5249,
    }),
    proposal: null,
  },
  {
    name: 'a failover when it has listened for a lease since its pause',
    state: replicaState({
      ...reading({ leaseReadAtMs: nowMs - 30_000 }),
      listeningSinceMs: nowMs - 5250,
    }),
    proposal: '1 failover null',
  },
  {
    name: 'nothing while paused',
    state: replicaState(reading({ leaseReadAtMs: nowMs - 6000, pausedUntilMs: nowMs + 1 })),
    proposal: null,
  },
  {
    name: 'nothing before the hello is read back',
    state: replicaState({ ...expired, kind: 'greeting' }),
    proposal: null,
  },
  { name: 'nothing by the primary itself', state: primaryState(expired), proposal: null },
  {
    name: 'a failover to anybody when its own log was lost',
    state: primaryState({
      replication: replicationOf(leadOf(1), { store: 'another', applied: at('1:0/0') }),
    }),
    proposal: '1 failover null',
  },
  {
    name: 'nothing while a switchover is in its bound',
    state: withRecords(replicaState(), switching),
    proposal: null,
  },
  {
    name: 'the old primary when a switchover takes too long',
    state: withRecords(replicaState(waited), switching),
    proposal: '2 switchover eu-west',
  },
  {
    name: 'anybody when the old primary does not come back',
    state: withRecords(replicaState(waited), switching, abandoned),
    proposal: '3 failover null',
  },
  {
    name: 'anybody when a preferred region is silent',
    state: withRecords(replicaState(waited), record.prepare(2, { preferred: ap })),
    proposal: '2 failover null',
  },
  {
    name: 'nothing else while seals are awaited',
    state: withRecords(replicaState(waited), record.prepare(2)),
    proposal: null,
  },
  {
    name: 'a switchover to itself when it is preferred and all is quiet',
    state: preferring({}),
    proposal: '1 switchover us-east',
  },
  {
    name: 'nothing when it is preferred and the last change is not long ago',
    state: preferring(reading({ promotedAtMs: nowMs - 59_999 })),
    proposal: null,
  },
  {
    name: 'nothing when it is preferred and lags',
    state: preferring({
      replication: replicationOf(followOf(1), { freshAtMs: nowMs - 2010 }),
    }),
    proposal: null,
  },
  {
    name: 'nothing when it is preferred and its roles differ from the primary’s',
    state: preferring({
      replication: replicationOf(followOf(1), { freshAtMs: nowMs, drift: ['role clerk'] }),
    }),
    proposal: null,
  },
  {
    name: 'nothing when it is preferred and nothing tells how far behind it is',
    state: preferring({ replication: replicationOf(followOf(1)) }),
    proposal: null,
  },
  {
    name: 'nothing when it is preferred and automatic failover is paused',
    state: preferring(reading({ promotedAtMs: 0, pausedUntilMs: nowMs + 1 })),
    proposal: null,
  },
  {
    name: 'nothing when it is preferred and no member',
    state: preferring({ fold: inEpochOne([ap]) }),
    proposal: null,
  },
  {
    name: 'epoch 1 by the first region, once its node is taken',
    state: primaryState({
      fold: foldAll([record.policy()], initialControlState).state,
      database: databaseOf(eu, { progress: null }),
    }),
    proposal: '1 failover eu-west',
  },
  {
    name: 'no epoch 1 while its node is being copied from another server',
    state: adopting('copying'),
    proposal: null,
  },
  {
    name: 'epoch 1 when the copy follows, so that nothing waits for it',
    state: adopting('following'),
    proposal: '1 failover eu-west',
  },
  {
    name: 'no epoch 1 by any other region',
    state: replicaState({ fold: foldAll([record.policy()], initialControlState).state }),
    proposal: null,
  },
];

describe('failure detector', () => {
  for (const { name, state, proposal } of rows) {
    it(`proposes ${name}`, () => {
      const found = detectFailure(state)?.record ?? null;
      const text = found && `${found.attempt} ${found.change} ${found.preferred}`;
      assert.equal(text, proposal);
    });
  }

  it('backs off after each failover, twice as long from the third of the last minutes on', () => {
    const after = (count: number): number => {
      const failovers = Array.from({ length: count }, () => nowMs);
      return backedOffUntilMs(replicaState(reading({ failovers }))) - nowMs;
    };
    assert.deepEqual([0, 1, 2, 3, 4, 5, 9].map(after), [
      -Infinity,
      10_000,
      10_000,
      20_000,
      40_000,
      80_000,
      80_000,
    ]);
  });

  it('proposes nothing so soon after a failover, and a failover after it', () => {
    const lost = { leaseReadAtMs: nowMs - 6000 };
    const soon = replicaState(reading({ ...lost, failovers: [nowMs - 9999] }));
    assert.equal(detectFailure(soon), null);
    const later = replicaState(reading({ ...lost, failovers: [nowMs - 10_000] }));
    assert.equal(detectFailure(later)?.record.change, 'failover');
  });

  it('forgets failovers of long ago', () => {
    const failovers = [nowMs - 400_000, nowMs - 350_000];
    assert.equal(backedOffUntilMs(replicaState(reading({ failovers }))), -Infinity);
  });

  it('waits for its turn', () => {
    const state = { ...replicaState(expired), config: configOf(ap) };
    assert.equal(detectFailure(state), null);
    assert.notEqual(detectFailure({ ...state, nowMs: nowMs + 150 }), null);
  });
});
