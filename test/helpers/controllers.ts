/** States of a controller for unit tests: a region of three, described by what differs. */
import type { ControllerConfig } from '../../services/failover/core/controller-config.ts';
import { defaultBounds } from '../../services/failover/core/controller-config.ts';
import type { DatabaseFacts, FenceFacts } from '../../services/failover/core/controller-input.ts';
import {
  initialControllerState,
  type ControllerState,
  type OpeningState,
  type TenureState,
} from '../../services/failover/core/controller-state.ts';
import type { RegionReport, ReplicationDirective } from '../../shared/core/cluster-view.ts';
import type { ControlRecord } from '../../shared/core/control/control-record.ts';
import type { Epoch } from '../../shared/core/epoch.ts';
import type { Lsn } from '../../shared/core/lsn.ts';
import type { NodeId } from '../../shared/core/node.ts';
import type { NodeState } from '../../shared/core/node-state.ts';
import type { RegionId } from '../../shared/core/region.ts';
import type { ReplicationReport } from '../../shared/core/replication-report.ts';
import { ap, at, eu, foldAll, inEpochOne, policyOfThree, us } from './control-records.ts';

export { ap, at, eu, foldAll, inEpochOne, record, us } from './control-records.ts';

export const epoch = (n: number): Epoch => n as Epoch;
export const lsn = (n: bigint): Lsn => n as Lsn;
export const nowMs = 100_000;

export function configOf(region: RegionId): ControllerConfig {
  const { version, rules, ...policy } = policyOfThree;
  void version;
  void rules;
  return {
    ...defaultBounds,
    clusterId: policy.clusterId,
    cell: 'main',
    region,
    regionName: region,
    programVersion: '1.4.2',
    incarnation: `${region}-1`,
    nodes: [`${region}/pg-1` as NodeId, `${region}/pg-2` as NodeId],
    policy,
    renewIntervalMs: 500,
    nodeRecoveryMs: 3000,
    memberTimeoutMs: 10_000,
    degradeAfterMs: null,
  };
}

export function fenceOf(region: RegionId, changes: Partial<FenceFacts> = {}): FenceFacts {
  return {
    region,
    sealedEpoch: 1,
    incarnation: `${region}-1`,
    openEpoch: null,
    openedStart: null,
    openedCheckpointer: null,
    lastOpenedEpoch: 0,
    lastOpenedTimeline: 0,
    ...changes,
  };
}

type DatabaseChanges = Partial<Omit<DatabaseFacts, 'fence'>> & {
  readonly fence?: Partial<FenceFacts>;
};

export function databaseOf(region: RegionId, changes: DatabaseChanges = {}): DatabaseFacts {
  const { fence, ...others } = changes;
  return {
    node: `${region}/pg-1` as NodeId,
    serverStart: 'start 1',
    checkpointerStart: 'checkpointer 1',
    isInRecovery: false,
    timeline: 1,
    timelineStart: null,
    walEnd: lsn(0x100n),
    fence: fenceOf(region, fence),
    progress: { position: at('1:0/10'), store: `${region}-store` },
    slots: [],
    publications: [],
    synchronousStandbyNames: 'meridian_closed',
    applicationSessions: 0,
    runningTransactions: 0,
    ...others,
  };
}

export function nodeOf(id: string, changes: Partial<NodeState> = {}): NodeState {
  return {
    id: id as NodeId,
    host: 'host',
    port: 5432,
    data: 'ready',
    process: 'running',
    mode: id.endsWith('1') ? 'normal' : 'standby',
    pid: 1,
    restarts: 0,
    problem: null,
    progress: null,
    recoveredTo: null,
    ...changes,
  };
}

export function replicationOf(
  directive: ReplicationDirective,
  changes: Partial<ReplicationReport> = {},
): ReplicationReport {
  return {
    directive,
    phase: 'running',
    why: '',
    store: 'eu-west-store',
    applied: at('1:0/10'),
    logEnd: at('1:0/10'),
    confirmed: null,
    countedMembers: [],
    logWaitMs: 0,
    freshAtMs: null,
    sealedEpoch: 0,
    opened: null,
    peers: [],
    ...changes,
  };
}

export function peerOf(
  id: RegionId,
  changes: Partial<RegionReport> = {},
): ControllerState['peers'][number] {
  const report: RegionReport = {
    id,
    name: id,
    role: 'replica',
    why: '',
    epoch: epoch(1),
    position: at('1:0/10'),
    lagMs: 10,
    health: 'healthy',
    nodes: [
      {
        id: `${id}/pg-1` as NodeId,
        kind: 'node',
        role: 'replica',
        position: at('1:0/10'),
        healthy: true,
      },
    ],
    isAccepting: true,
    ageMs: 0,
    ...changes,
  };
  return { report, heardAtMs: nowMs, roundTripsMs: [100] };
}

export const leadOf = (n: number, isOpen = true): ReplicationDirective => ({
  kind: 'lead',
  epoch: epoch(n),
  cut: at('0:0/0'),
  timeline: 1,
  slot: `meridian_${n}`,
  publication: `meridian_${n}`,
  walsenderName: `meridian_eu_west_${n}`,
  isOpen,
});

export const followOf = (n: number, source: RegionId = eu): ReplicationDirective => ({
  kind: 'follow',
  epoch: epoch(n),
  source,
});

/** A replica of epoch 1, whose primary is eu-west, with members us-east and ap-south. */
export function replicaState(changes: Partial<ControllerState> = {}): ControllerState {
  const config = configOf(us);
  return {
    ...initialControllerState(config),
    kind: 'running',
    nowMs,
    wallMs: nowMs,
    fold: inEpochOne([us, ap]),
    read: { ...readTimes, failovers: [] },
    isReaderStarted: true,
    nodes: config.nodes.map((id) => nodeOf(id)),
    nodesHeardAtMs: nowMs,
    database: databaseOf(us),
    databaseHeardAtMs: nowMs,
    databaseAskedAtMs: nowMs,
    replication: replicationOf(followOf(1), { store: 'us-east-store' }),
    peers: [peerOf(ap), peerOf(eu, { role: 'primary' })],
    role: 'replica',
    isRoleKnown: true,
    checkpointWrittenAtMs: nowMs,
    nextEffectId: 50,
    ...changes,
  };
}

/** eu-west open as the primary of epoch 1 under its lease. */
export function primaryState(changes: Partial<ControllerState> = {}): ControllerState {
  const config = configOf(eu);
  const database = databaseOf(eu, {
    progress: { position: at('1:0/0'), store: 'eu-west-store' },
    slots: [{ name: 'meridian_1', isSound: true, isActive: true }],
    publications: ['meridian_1'],
    synchronousStandbyNames: 'meridian_eu_west_1',
    fence: {
      openEpoch: 1,
      openedStart: 'start 1',
      openedCheckpointer: 'checkpointer 1',
      lastOpenedEpoch: 1,
      lastOpenedTimeline: 1,
    },
  });
  return {
    ...replicaState(),
    config,
    nodes: config.nodes.map((id) => nodeOf(id)),
    database,
    replication: replicationOf(leadOf(1), {
      opened: { epoch: 1, timeline: 1 },
      confirmed: at('1:0/10'),
      countedMembers: inEpochOne([us, ap]).members,
      peers: [us, ap].map((region) => ({
        region,
        isConnected: true,
        store: `${region}-store`,
        applied: at('1:0/10'),
        heardAtMs: nowMs,
      })),
    }),
    peers: [peerOf(ap), peerOf(us)],
    role: 'primary',
    lease: {
      validUntilMs: nowMs + 4000,
      nextSeq: 8,
      sent: [],
      lastSentMs: nowMs - 100,
      closedSinceMs: null,
    },
    tenure,
    opening,
    ...changes,
  };
}

/** `state` after `records` were folded, without their times. */
export function withRecords(
  state: ControllerState,
  ...records: readonly ControlRecord[]
): ControllerState {
  return { ...state, fold: foldAll(records, state.fold).state };
}

const readTimes = {
  leaseReadAtMs: nowMs,
  renewalReadAtMs: nowMs,
  oldLeaseReadAtMs: nowMs,
  promotedAtMs: nowMs,
  attemptReadAtMs: nowMs,
  prepareReadAtMs: nowMs,
  pausedUntilMs: 0,
  isPromotionSeen: false,
};

const tenure: TenureState = {
  epoch: epoch(1),
  serverStart: 'start 1',
  openedAtMs: nowMs - 20_000,
  isBroken: false,
  knowsConfirmed: true,
  bound: null,
  strongReadsFrom: null,
  pauseMs: null,
};

const opening: OpeningState = {
  id: 1,
  epoch: epoch(1),
  serverStart: 'start 1',
  hasCut: true,
  areSequencesRaised: true,
  probedAt: at('1:0/0'),
  isAgain: false,
};
