/**
 * Everything a controller knows. The fold is its only source of epochs and members; the rest is
 * what it last heard, with the monotonic time of hearing it, and what it is doing.
 */
import type { ClusterView, RegionReport, Role } from '../../../shared/core/cluster-view.ts';
import { initialControlState, type ControlState } from '../../../shared/core/control-state.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { firstOffset, type LogOffset } from '../../../shared/core/log-offset.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { NodeState } from '../../../shared/core/node-state.ts';
import type { ReplicationReport } from '../../../shared/core/replication-report.ts';
import type { ControllerConfig } from './controller-config.ts';
import type { EffectKind } from './controller-effect.ts';
import type { DatabaseFacts } from './controller-input.ts';

/** `starting`: looking for a checkpoint; `greeting`: until the own hello is read back. */
export type ControllerKind = 'starting' | 'greeting' | 'running' | 'halted';

/** What the own clock said when records were read; decides nothing about epochs or members. */
export interface ReadTimes {
  /** The last renewal of the folded epoch, its promotion, or the start of this controller. */
  readonly leaseReadAtMs: number;
  /** The last renewal read before the open prepare or the last promotion: the old lease. */
  readonly oldLeaseReadAtMs: number;
  readonly promotedAtMs: number;
  /** The last attempt of the open prepare. */
  readonly attemptReadAtMs: number;
  readonly prepareReadAtMs: number;
  readonly pausedUntilMs: number;
}

/** The own lease and how it is renewed. */
export interface LeaseState {
  readonly validUntilMs: number | null;
  readonly nextSeq: number;
  readonly sent: readonly { readonly seq: number; readonly sentAtMs: number }[];
  readonly lastSentMs: number;
}

/** The seal this region owes or gave. `position` null until the log is completed. */
export interface SealState {
  readonly epoch: Epoch;
  readonly isOpener: boolean;
  readonly drainingSinceMs: number | null;
  readonly walEnd: Lsn | null;
  readonly isFenceRaised: boolean;
  readonly isSent: boolean;
  readonly lastSentMs: number;
}

/** How far the opening of `epoch` has come; forgotten with the server start it belongs to. */
export interface OpeningState {
  readonly epoch: Epoch;
  readonly serverStart: string;
  readonly areSequencesRaised: boolean;
  /** The replicator's log end when the probe COMMIT was released; null before. */
  readonly probedAt: Position | null;
}

/** What is known since this region opened `epoch`, of strong reads and of the confirmed. */
export interface TenureState {
  readonly epoch: Epoch;
  readonly serverStart: string;
  /** Opened in this run, never fenced or restarted since: `confirmed` is then complete. */
  readonly knowsConfirmed: boolean;
  /** Position that may have been confirmed before this run or before a fence. */
  readonly bound: Position | null;
  readonly strongReadsFrom: Position | null;
}

export interface RunningEffect {
  readonly id: number;
  readonly kind: EffectKind;
  readonly sinceMs: number;
}

/** A step of a change of primary as this region saw it; what `operationView` shows. */
export interface StepSeen {
  readonly epoch: Epoch;
  readonly operationId: string | null;
  readonly step: string;
  readonly detail: string;
  readonly atMs: number;
}

export interface ControllerState {
  readonly kind: ControllerKind;
  readonly config: ControllerConfig;
  readonly nowMs: number;
  readonly startedAtMs: number;

  readonly fold: ControlState;
  readonly nextOffset: LogOffset;
  readonly read: ReadTimes;
  readonly isHelloSent: boolean;
  readonly checkpointWrittenAtMs: number;

  readonly nodes: readonly NodeState[];
  /** Null before the agent's first answer. */
  readonly nodesHeardAtMs: number | null;
  /** When the last effect of lane `node` ended: answers asked for before are left out. */
  readonly nodesChangedAtMs: number;
  /** What SQL said last; null while the node does not answer. */
  readonly database: DatabaseFacts | null;
  readonly databaseHeardAtMs: number;
  /** When the last effect on the database ended: facts asked for before are left out. */
  readonly databaseChangedAtMs: number;
  /** Whether facts asked for since then have come. */
  readonly isDatabaseFresh: boolean;
  /** Since when the region's own node does not answer; null while it does. */
  readonly databaseLostAtMs: number | null;
  readonly replication: ReplicationReport | null;
  readonly peers: readonly { readonly heardAtMs: number; readonly report: RegionReport }[];

  readonly role: Role;
  readonly why: string;
  readonly lease: LeaseState;
  readonly seal: SealState | null;
  readonly opening: OpeningState | null;
  readonly tenure: TenureState | null;
  /** The member that is no longer counted and waits to be removed. */
  readonly removing: RegionId | null;

  readonly nextEffectId: number;
  readonly running: readonly RunningEffect[];
  /** When an effect of that kind may be asked for again, after a failure or a send. */
  readonly notBefore: Readonly<Partial<Record<string, number>>>;
  readonly view: ClusterView | null;
  readonly steps: readonly StepSeen[];
}

/** A controller that has not heard anything yet. */
export function initialControllerState(config: ControllerConfig): ControllerState {
  return {
    kind: 'starting',
    config,
    nowMs: 0,
    startedAtMs: 0,
    fold: initialControlState,
    nextOffset: firstOffset,
    read: {
      leaseReadAtMs: 0,
      oldLeaseReadAtMs: 0,
      promotedAtMs: 0,
      attemptReadAtMs: 0,
      prepareReadAtMs: 0,
      pausedUntilMs: 0,
    },
    isHelloSent: false,
    checkpointWrittenAtMs: 0,
    nodes: [],
    nodesHeardAtMs: null,
    nodesChangedAtMs: -Infinity,
    database: null,
    databaseHeardAtMs: 0,
    databaseChangedAtMs: -Infinity,
    isDatabaseFresh: true,
    databaseLostAtMs: null,
    replication: null,
    peers: [],
    role: 'joining',
    why: 'the controller has just started',
    lease: { validUntilMs: null, nextSeq: 1, sent: [], lastSentMs: -Infinity },
    seal: null,
    opening: null,
    tenure: null,
    removing: null,
    nextEffectId: 1,
    running: [],
    notBefore: {},
    view: null,
    steps: [],
  };
}
