/**
 * Everything a controller knows. The fold is its only source of epochs and members; the rest is
 * what it last heard, with the monotonic time of hearing it, and what it is doing.
 */
import type { ControlRecord, OperationLabel } from '../../../shared/core/control/control-record.ts';
import type { ClusterView, RegionReport, Role } from '../../../shared/core/cluster-view.ts';
import {
  initialControlState,
  type ControlState,
} from '../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { firstOffset, type LogOffset } from '../../../shared/core/log-offset.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { NodeState } from '../../../shared/core/node-state.ts';
import type { ReplicationReport } from '../../../shared/core/replication-report.ts';
import type { Confirming } from './members/confirming.ts';
import type { ControllerConfig } from './controller-config.ts';
import type { EffectKind } from './controller-effect.ts';
import type { DatabaseFacts, OperatorRequest } from './controller-input.ts';
import type { OldNode } from './rejoin/old-node.ts';
import { nothingAnnounced, type Announced } from './relay/announcement.ts';

/** `starting`: looking for a checkpoint; `greeting`: until the own hello is read back. */
export type ControllerKind = 'starting' | 'greeting' | 'running' | 'halted';

/** What the own clock said when records were read; decides nothing about epochs or members. */
export interface ReadTimes {
  /**
   * After the last renewal of the folded epoch was sent: when it was read, or announced before;
   * else the promotion, or the start of this controller.
   */
  readonly leaseReadAtMs: number;
  readonly renewalReadAtMs: number;
  /** The last renewal read before the open prepare or the last promotion: the old lease. */
  readonly oldLeaseReadAtMs: number;
  readonly promotedAtMs: number;
  /** The last attempt of the open prepare. */
  readonly attemptReadAtMs: number;
  readonly prepareReadAtMs: number;
  readonly pausedUntilMs: number;
  /** The last promotion was read while this controller ran, not at its start. */
  readonly isPromotionSeen: boolean;
  /** When failovers were read, newest last: another one soon after backs off. */
  readonly failovers: readonly number[];
}

/** The own lease and how it is renewed. */
export interface LeaseState {
  readonly validUntilMs: number | null;
  readonly nextSeq: number;
  readonly sent: readonly { readonly seq: number; readonly sentAtMs: number }[];
  readonly lastSentMs: number;
  /** Since when the lease is valid but the node is not open: it does not hold on for long. */
  readonly closedSinceMs: number | null;
}

/** The seal this region owes or gave for the open prepare. */
export interface SealState {
  readonly epoch: Epoch;
  /** Since when the old primary of a switchover drains; null when it does not. */
  readonly drainingSinceMs: number | null;
  /** WAL end after the fence was raised; null before: the promise is not given yet. */
  readonly walEnd: Lsn | null;
  /**
   * The epoch that this very node opened and whose tail is its own WAL; null for a region whose
   * history is what it applied. Judged when the fence was raised.
   */
  readonly ownEpoch: Epoch | null;
}

/** Where the own WAL of an old primary ends, fixed once nobody can write any more. */
export interface TailState {
  readonly ownEpoch: Epoch;
  readonly serverStart: string;
  readonly walEnd: Lsn;
}

/** How far the opening of `epoch` has come; forgotten with the server start it belongs to. */
export interface OpeningState {
  /** Another one after each fence, seal or change of names. */
  readonly id: number;
  readonly epoch: Epoch;
  readonly serverStart: string;
  /** Whether this start of the server was seen to hold everything up to the cut. */
  readonly hasCut: boolean;
  readonly areSequencesRaised: boolean;
  /** The replicator's log end when the probe COMMIT was released; null before. */
  readonly probedAt: Position | null;
  /** Whether this node had opened the epoch before: then it opens again. */
  readonly isAgain: boolean;
}

/** What is known since this region opened `epoch`, of strong reads and of the confirmed. */
export interface TenureState {
  readonly epoch: Epoch;
  readonly serverStart: string;
  readonly openedAtMs: number;
  /** The node was closed or restarted since: only another opening ends that. */
  readonly isBroken: boolean;
  /** Opened in this run, never fenced or restarted since: `confirmed` is then complete. */
  readonly knowsConfirmed: boolean;
  /** Position that may have been confirmed before this run or before a fence. */
  readonly bound: Position | null;
  readonly strongReadsFrom: Position | null;
  /** How long nobody took writes before this opening; null when it opened again. */
  readonly pauseMs: number | null;
}

/** What this region found beyond the cut of `epoch`; told in a note until that is read back. */
export interface TailFound {
  readonly epoch: Epoch;
  /** Rows beyond it were listed; null: there was nothing to list. */
  readonly after: Position | null;
  readonly transactions: number;
  readonly rows: number;
  readonly mayBeConfirmed: boolean;
  readonly isListed: boolean;
}

export interface AskedState {
  readonly operationId: string;
  readonly record: ControlRecord;
  readonly sinceMs: number;
}

export interface RunningEffect {
  readonly id: number;
  readonly kind: EffectKind;
  /** Effects of one key are the same wish. */
  readonly key: string;
  /** The opening that it belongs to: what a later one does not count. */
  readonly openingId: number | null;
  readonly sinceMs: number;
}

/** What another region says of itself. */
export interface PeerState {
  readonly heardAtMs: number;
  readonly report: RegionReport;
  /** How long its last answers took, the newest last. */
  readonly roundTripsMs: readonly number[];
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
  /** Wall clock at the last tick, for labels and lags. */
  readonly wallMs: number;
  readonly startedAtMs: number;
  /** Since when it has run without a pause: whoever was silent before may have been unheard. */
  readonly listeningSinceMs: number;

  readonly fold: ControlState;
  readonly nextOffset: LogOffset;
  readonly read: ReadTimes;
  readonly isReaderStarted: boolean;
  readonly checkpointWrittenAtMs: number;

  readonly nodes: readonly NodeState[];
  /** Null before the agent's first answer. */
  readonly nodesHeardAtMs: number | null;
  /** When the last effect of lane `node` ended: answers asked for before are left out. */
  readonly nodesChangedAtMs: number;
  /** Whether an answer asked for since then has come. */
  readonly areNodesFresh: boolean;
  /** What SQL said last; null while the node does not answer. */
  readonly database: DatabaseFacts | null;
  readonly databaseHeardAtMs: number;
  /** When the facts in `database` were asked for. */
  readonly databaseAskedAtMs: number;
  /** When the last effect on the database ended: facts asked for before are left out. */
  readonly databaseChangedAtMs: number;
  /** Whether facts asked for since then have come. */
  readonly isDatabaseFresh: boolean;
  /** Since when the region's own node does not answer; null while it does. */
  readonly databaseLostAtMs: number | null;
  /** When it was last found not to answer. */
  readonly databaseSilentAtMs: number;
  readonly replication: ReplicationReport | null;
  /** In which objects the own schema differs from the primary's. */
  readonly schemaDifferences: readonly string[];
  /** When the replicator was last at work: a progress row asked for before may have moved on. */
  readonly replicationWorkedAtMs: number;
  /** Since when the replicator fails at its directive; null while it does not. */
  readonly replicationFailedAtMs: number | null;
  readonly peers: readonly PeerState[];
  readonly announced: Announced;

  /** `joining` until the role at the start is known. */
  readonly role: Role;
  readonly isRoleKnown: boolean;
  readonly why: string;
  readonly lease: LeaseState;
  readonly seal: SealState | null;
  readonly tail: TailState | null;
  readonly opening: OpeningState | null;
  readonly tenure: TenureState | null;
  /** What an operator asked for and no record read back shows yet. */
  readonly asked: AskedState | null;
  /** Operations whose record was void or never read, newest last. */
  readonly refused: readonly { readonly label: OperationLabel; readonly why: string }[];
  /** Requests that this run refused before any record, newest last. */
  readonly declined: readonly { readonly request: OperatorRequest; readonly why: string }[];
  readonly tailFound: TailFound | null;
  readonly oldNode: OldNode | null;
  /** Why the region is seeded anew, in words; null when it is not. */
  readonly seededAnew: string | null;
  /** Highest position that this run confirmed as primary, on the data at hand. */
  readonly confirmedSeen: Position | null;
  /** The member that is no longer counted; once the record is sent there is no way back. */
  readonly removing: { readonly region: RegionId; readonly isSent: boolean } | null;

  /** Whether K members confirm; null while this region does not lead. */
  readonly confirming: Confirming | null;

  readonly nextEffectId: number;
  readonly running: readonly RunningEffect[];
  /** When an effect of that kind may be asked for again, after a failure or a send. */
  readonly notBefore: Readonly<Partial<Record<string, number>>>;
  /** How often effects of a key have failed in a row. */
  readonly failures: Readonly<Partial<Record<string, number>>>;
  readonly view: ClusterView | null;
  readonly steps: readonly StepSeen[];
}

/** A controller that has not heard anything yet. */
export function initialControllerState(config: ControllerConfig): ControllerState {
  return {
    kind: 'starting',
    config,
    nowMs: 0,
    wallMs: 0,
    startedAtMs: 0,
    listeningSinceMs: 0,
    fold: initialControlState,
    nextOffset: firstOffset,
    read: {
      leaseReadAtMs: 0,
      renewalReadAtMs: 0,
      oldLeaseReadAtMs: 0,
      promotedAtMs: 0,
      attemptReadAtMs: 0,
      prepareReadAtMs: 0,
      pausedUntilMs: 0,
      isPromotionSeen: false,
      failovers: [],
    },
    isReaderStarted: false,
    checkpointWrittenAtMs: 0,
    nodes: [],
    nodesHeardAtMs: null,
    nodesChangedAtMs: -Infinity,
    areNodesFresh: true,
    database: null,
    databaseHeardAtMs: 0,
    databaseAskedAtMs: -Infinity,
    databaseChangedAtMs: -Infinity,
    isDatabaseFresh: true,
    databaseLostAtMs: null,
    databaseSilentAtMs: -Infinity,
    replication: null,
    schemaDifferences: [],
    replicationWorkedAtMs: -Infinity,
    replicationFailedAtMs: null,
    peers: [],
    announced: nothingAnnounced,
    role: 'joining',
    isRoleKnown: false,
    why: 'the controller has just started',
    lease: { validUntilMs: null, nextSeq: 1, sent: [], lastSentMs: -Infinity, closedSinceMs: null },
    seal: null,
    tail: null,
    opening: null,
    tenure: null,
    ...{ asked: null, refused: [], declined: [], tailFound: null, oldNode: null },
    ...{ seededAnew: null, confirmedSeen: null, removing: null, confirming: null },
    ...{ nextEffectId: 1, running: [], notBefore: {}, failures: {} },
    view: null,
    steps: [],
  };
}
