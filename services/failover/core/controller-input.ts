/**
 * What happens to a controller. The shell stamps every input with `nowMs` (monotonic) when it
 * posts it, posts in the order in which things happened, and decides nothing.
 */
import type { RegionReport } from '../../../shared/core/cluster-view.ts';
import type {
  ChangeKind,
  ControlRecord,
  OperationLabel,
  Revocation,
} from '../../../shared/core/control/control-record.ts';
import type { ControlState } from '../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { NodeState } from '../../../shared/core/node-state.ts';
import type { ReplicationReport } from '../../../shared/core/replication-report.ts';

/** Where a fold continues: `state` is the fold of every record before `nextOffset`. */
export interface Checkpoint {
  readonly nextOffset: LogOffset;
  readonly state: ControlState;
}

/** The row `meridian_local.fence`. */
export interface FenceFacts {
  /** The region whose node this is; another region's: a base backup that is not adopted yet. */
  readonly region: string;
  readonly sealedEpoch: number;
  readonly incarnation: string;
  readonly openEpoch: number | null;
  readonly openedStart: string | null;
  readonly openedCheckpointer: string | null;
  readonly lastOpenedEpoch: number;
  readonly lastOpenedTimeline: number;
}

/** What SQL says about the region's own node (mode `normal`), read in one go. */
export interface DatabaseFacts {
  readonly node: NodeId;
  /** `pg_postmaster_start_time()` as text, with all its digits. */
  readonly serverStart: string;
  /** `backend_start` of the checkpointer as text. */
  readonly checkpointerStart: string;
  readonly isInRecovery: boolean;
  /** From `pg_walfile_name(pg_current_wal_lsn())`. */
  readonly timeline: number;
  /** Where this timeline begins, from its history file; null on the first timeline. */
  readonly timelineStart: Lsn | null;
  readonly walEnd: Lsn;
  readonly fence: FenceFacts;
  /** The row `meridian_local.progress`; `store` is empty until the data log is seeded. */
  readonly progress: { readonly position: Position; readonly store: string } | null;
  /** The logical slots named `meridian_<epoch>`; not those of standbys. */
  readonly slots: readonly {
    readonly name: string;
    /** `pg_replication_slots.wal_status` is neither `lost` nor null. */
    readonly isSound: boolean;
    readonly isActive: boolean;
  }[];
  readonly publications: readonly string[];
  readonly synchronousStandbyNames: string;
  /** Client backends of application roles: of no role named `meridian_*`. */
  readonly applicationSessions: number;
  /**
   * Backends inside a transaction, waiting COMMITs included: of application roles and of
   * `meridian_router`.
   */
  readonly runningTransactions: number;
}

export type OperatorRequest =
  | {
      readonly kind: 'change';
      readonly change: ChangeKind;
      readonly to: RegionId | null;
      readonly force: boolean;
      readonly acceptDataLoss: boolean;
      readonly operation: OperationLabel;
    }
  | { readonly kind: 'pause'; readonly durationMs: number; readonly operation: OperationLabel }
  | {
      readonly kind: 'revoke';
      readonly revocation: Revocation;
      readonly operation: OperationLabel;
    }
  /** Only to be kept: it was done already. */
  | {
      readonly kind: 'audit';
      readonly verb: 'discard';
      readonly region: RegionId;
      readonly epoch: Epoch;
      readonly operation: OperationLabel;
    }
  | {
      readonly kind: 'region';
      readonly action: 'add' | 'remove';
      readonly region: RegionId;
      readonly operation: OperationLabel;
    }
  | {
      readonly kind: 'traffic';
      readonly region: RegionId;
      readonly isAccepting: boolean;
      readonly operation: OperationLabel;
    };

export type EffectResult =
  | { readonly kind: 'none' }
  /** Of `sealNode`: the WAL end once no application session was left. */
  | { readonly kind: 'sealed'; readonly walEnd: Lsn }
  /** Of `probeCommit`: the replicator's `report().logEnd`, asked after the release. */
  | { readonly kind: 'probed'; readonly logEnd: Position }
  /** Of `listTail`: what is listed now; `isListed` false: the log did not yield all of it. */
  | {
      readonly kind: 'tailListed';
      readonly transactions: number;
      readonly rows: number;
      readonly isListed: boolean;
    }
  /** Of `lookAtNode`. */
  | { readonly kind: 'nodeLooked'; readonly facts: DatabaseFacts }
  /** Of `listNodeTail`: as `tailListed`, with what was asked for. */
  | {
      readonly kind: 'nodeTailListed';
      readonly node: NodeId;
      readonly epoch: Epoch;
      readonly transactions: number;
      readonly rows: number;
      readonly mayBeConfirmed: boolean;
      readonly isListed: boolean;
    };

type InputBody =
  /** The first input, once. */
  | { readonly kind: 'started' }
  /** Every 100 ms. `wallMs` makes labels and lags, never a decision. */
  | { readonly kind: 'ticked'; readonly wallMs: number }
  /** Answer to `findCheckpoint`: the newest one at hand, or null when nobody has any. */
  | { readonly kind: 'checkpointFound'; readonly checkpoint: Checkpoint | null }
  | {
      readonly kind: 'controlRecordRead';
      readonly offset: LogOffset;
      readonly record: ControlRecord;
    }
  /** A record of an unknown version or a malformed one: the controller stops and says so. */
  | { readonly kind: 'controlLogUnreadable'; readonly why: string }
  /**
   * The agent's answer, each second, after a change, and after each effect of lane `node`.
   * `askedAtMs`: monotonic time just before it was asked for; answers asked for before the last
   * effect of the lane ended are left out.
   */
  | {
      readonly kind: 'nodesReported';
      readonly askedAtMs: number;
      readonly nodes: readonly NodeState[];
    }
  /**
   * The region's own node as SQL sees it: every 250 ms, after each effect in the lanes `sql`,
   * `fence` and `node`, and at once when a connection is lost. `facts` null: it does not answer.
   * The shell asks the node whose `NodeState` is running in mode `normal`, each time bounded to
   * 2 s. `askedAtMs` as above: after an effect the core waits for facts asked for since.
   */
  | {
      readonly kind: 'databaseReported';
      readonly askedAtMs: number;
      readonly facts: DatabaseFacts | null;
      readonly why: string;
    }
  | { readonly kind: 'replicationReported'; readonly report: ReplicationReport }
  /** In which objects the own schema differs from the primary's; said when that changes. */
  | { readonly kind: 'schemaCompared'; readonly differences: readonly string[] }
  /** What another region appends to the control log at this moment, in its own words. */
  | { readonly kind: 'recordAnnounced'; readonly record: ControlRecord }
  /** What another region says of itself; `report.ageMs` counted up to now. */
  | { readonly kind: 'peerReported'; readonly report: RegionReport }
  | {
      readonly kind: 'operatorAsked';
      readonly requestId: string;
      readonly request: OperatorRequest;
    }
  | { readonly kind: 'effectFinished'; readonly id: number; readonly result: EffectResult }
  | { readonly kind: 'effectFailed'; readonly id: number; readonly why: string };

export type Input = InputBody & { readonly nowMs: number };
