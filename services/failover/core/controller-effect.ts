/**
 * What a controller asks its shell to do. Each effect has a lane: effects of one lane run one
 * after the other in the order given, the lanes side by side. Every effect but those of lane
 * `local` ends in `effectFinished` or `effectFailed` with its `id`; the shell never repeats one by
 * itself, the core asks again. Repeating any of them after a crash is harmless.
 */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import type { ControlRecord } from '../../../shared/core/control/control-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { NodeMode } from '../../../shared/core/node-state.ts';
import type { Checkpoint } from './controller-input.ts';

export type EffectBody =
  // --- lane control -----------------------------------------------------------------------------
  /** Appends once; finished when acknowledged, failed when the outcome is unknown. */
  | { readonly kind: 'appendControl'; readonly record: ControlRecord }
  // --- lane log ---------------------------------------------------------------------------------
  /**
   * Looks for `meridian_local.checkpoint` in the own node and, when there is none, asks the other
   * regions for theirs, bounded to 3 s; posts `checkpointFound`, then finishes.
   */
  | { readonly kind: 'findCheckpoint' }
  /** Reads the control log from there on, for ever; finishes as soon as the loop runs. */
  | { readonly kind: 'readControl'; readonly from: LogOffset }
  /**
   * Lists this region's own history beyond `after` in `meridian.diverged` of the open primary
   * `target`, from the region's own log; `after` null: only that the tail cannot be listed, and
   * `why`. Rows listed before stay as they are. Result `tailListed`.
   */
  | {
      readonly kind: 'listTail';
      readonly node: NodeId;
      readonly epoch: Epoch;
      readonly after: Position | null;
      /** Where the own history ends: a log that does not reach it is not all of it. */
      readonly upTo: Position | null;
      readonly mayBeConfirmed: boolean;
      readonly confirmedUpTo: Position | null;
      readonly why: string;
      readonly target: { readonly region: RegionId; readonly node: NodeId };
    }
  /** Asks a node that runs isolated what it holds; result `nodeLooked`. */
  | { readonly kind: 'lookAtNode'; readonly node: NodeId }
  /**
   * Lists what the isolated `node` alone holds of `own`, the epoch that it opened, beyond `after`,
   * in `meridian.diverged` of `target`: what the region's own log has, then what the slot yields.
   * `after` null: only that it cannot be listed, and `why`. Result `nodeTailListed`.
   */
  | {
      readonly kind: 'listNodeTail';
      readonly node: NodeId;
      readonly own: Epoch | null;
      readonly epoch: Epoch;
      readonly after: Position | null;
      readonly mayBeConfirmed: boolean;
      /** Whether the region's log is the one that `own` was written to. */
      readonly hasLog: boolean;
      /** Whether that log's rows are listed as well; else the region lists them itself. */
      readonly listsLog: boolean;
      readonly why: string;
      readonly target: { readonly region: RegionId; readonly node: NodeId };
    }
  // --- lane node: through the node agent, may take minutes --------------------------------------
  /** initdb and bootstrap; leaves the node stopped. */
  | { readonly kind: 'initialiseNode'; readonly node: NodeId }
  /** Base backup of `sourceNode`, recovered and promoted; leaves the node stopped. */
  | {
      readonly kind: 'seedRegionNode';
      readonly node: NodeId;
      readonly source: RegionId;
      readonly sourceNode: NodeId;
    }
  /** Base backup of the region's own node, left as a standby of it. */
  | { readonly kind: 'seedStandby'; readonly node: NodeId; readonly primary: NodeId }
  | {
      readonly kind: 'startNode';
      readonly node: NodeId;
      readonly mode: NodeMode;
      readonly primary: NodeId | null;
    }
  | { readonly kind: 'stopNode'; readonly node: NodeId }
  /** Closes its logins and ends application sessions until none is left, then ends recovery. */
  | { readonly kind: 'promoteNode'; readonly node: NodeId }
  | { readonly kind: 'setAside'; readonly node: NodeId }
  // --- lane sql: on the region's own node, each bounded to 5 s -----------------------------------
  /**
   * Makes a base backup this region's own, in one transaction: fence reset to nothing sealed,
   * opened or open, with `region`; checkpoint deleted; progress set to
   * (position, store ''). The position is (epoch, `recoveredTo`) when the copied progress row is
   * the start (epoch, 0) of the copied `last_opened_epoch`, else the copied row's. Then drops
   * copied slots and publications named `meridian_<number>`.
   */
  | {
      readonly kind: 'adoptSeed';
      readonly node: NodeId;
      readonly region: RegionId;
      readonly recoveredTo: Lsn;
    }
  /** Writes `region` and `incarnation` into the fence: older controllers are refused from then. */
  | {
      readonly kind: 'takeNode';
      readonly node: NodeId;
      readonly region: RegionId;
      readonly incarnation: string;
    }
  /**
   * Publication FOR ALL TABLES and failover slot (pgoutput) named `meridian_<epoch>`, publication
   * first, on sessions with synchronous_commit=local; slots and publications of other epochs are
   * dropped before. Fails while any SyncRep waiter exists.
   */
  | { readonly kind: 'createPublicationAndSlot'; readonly node: NodeId; readonly epoch: Epoch }
  /** Those of every epoch, of a region that is not primary. */
  | { readonly kind: 'dropPublicationsAndSlots'; readonly node: NodeId }
  /** Every sequence of the database past what the old primary may have handed out. */
  | { readonly kind: 'raiseSequences'; readonly node: NodeId }
  /** ALTER SYSTEM and reload; `value` is a walsender's name or `meridian_closed`. */
  | {
      readonly kind: 'setSynchronousStandbyNames';
      readonly node: NodeId;
      readonly value: string;
    }
  /**
   * A COMMIT in mode logged that was *seen* waiting (`wait_event` SyncRep) and was then released
   * by the own replicator within 5 s; fails otherwise. Result `probed`.
   */
  | { readonly kind: 'probeCommit'; readonly node: NodeId }
  /**
   * Opens this very start of the server, in one transaction that fails unless
   * `sealed_epoch <= epoch` and both starts still are as given: open_epoch, opened_start,
   * opened_checkpointer, last_opened_epoch, last_opened_timeline; progress (epoch, 0) unless
   * last_opened_epoch was `epoch` already.
   */
  | {
      readonly kind: 'openNode';
      readonly node: NodeId;
      readonly epoch: Epoch;
      readonly timeline: number;
      readonly serverStart: string;
      readonly checkpointerStart: string;
    }
  /**
   * Of an old primary whose tail is empty, in one transaction: the progress row set to `position`
   * (its store kept) and `last_opened_epoch` to 0. From then on its position is the progress row.
   */
  | { readonly kind: 'setProgress'; readonly node: NodeId; readonly position: Position }
  /** Upserts `meridian_local.checkpoint`, never with a smaller offset. */
  | {
      readonly kind: 'writeCheckpoint';
      readonly node: NodeId;
      readonly checkpoint: Checkpoint;
    }
  // --- lane fence: on the region's own node, beside lane sql, each bounded to 5 s ----------------
  /** Start of a switchover: logins close (`open_epoch` null), idle application sessions end. */
  | { readonly kind: 'drainNode'; readonly node: NodeId }
  /**
   * The promise: `sealed_epoch = greatest(sealed_epoch, epoch)` under the row lock, logins closed
   * (`open_epoch` null), then application sessions and those of `meridian_router` ended until
   * none that began before is left. Result `sealed` with the WAL end after that.
   * `synchronous_standby_names` is left alone.
   */
  | { readonly kind: 'sealNode'; readonly node: NodeId; readonly epoch: Epoch }
  /**
   * The fence: logins closed, then sessions ended as for `sealNode`, only then
   * `synchronous_standby_names` set to `meridian_closed` (never empty), reloaded.
   */
  | { readonly kind: 'closeNode'; readonly node: NodeId; readonly why: string }
  // --- lane local: at once, no outcome is reported -----------------------------------------------
  | { readonly kind: 'publishView'; readonly view: ClusterView }
  /** A decision in words, to the log (HOUSE_STYLE section 11). */
  | {
      readonly kind: 'explain';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly facts: Readonly<Record<string, string | number | boolean | null>>;
    }
  | {
      readonly kind: 'answerOperator';
      readonly requestId: string;
      readonly answer: OperatorAnswer;
    }
  /** The process ends with this message: a person must look. */
  | { readonly kind: 'halt'; readonly why: string };

export type OperatorAnswer =
  /** The record was sent; `operationView` follows its progress. */
  | { readonly kind: 'accepted'; readonly operationId: string }
  | {
      readonly kind: 'refused';
      readonly code: 'NotPrimary' | 'OperationRunning' | 'DataLossNotAccepted' | 'RequestInvalid';
      readonly why: string;
      readonly hint: string;
      /** Of the running operation, for OperationRunning. */
      readonly operationId: string | null;
    };

export type Effect = EffectBody & { readonly id: number };
export type EffectKind = EffectBody['kind'];

export const lanes = ['control', 'log', 'node', 'sql', 'fence', 'local'] as const;
export type Lane = (typeof lanes)[number];

/** The lane of each kind of effect. */
export const laneOf = {
  appendControl: 'control',
  findCheckpoint: 'log',
  readControl: 'log',
  listTail: 'log',
  lookAtNode: 'log',
  listNodeTail: 'log',
  initialiseNode: 'node',
  seedRegionNode: 'node',
  seedStandby: 'node',
  startNode: 'node',
  stopNode: 'node',
  promoteNode: 'node',
  setAside: 'node',
  adoptSeed: 'sql',
  takeNode: 'sql',
  drainNode: 'fence',
  sealNode: 'fence',
  closeNode: 'fence',
  createPublicationAndSlot: 'sql',
  dropPublicationsAndSlots: 'sql',
  raiseSequences: 'sql',
  setSynchronousStandbyNames: 'sql',
  probeCommit: 'sql',
  openNode: 'sql',
  setProgress: 'sql',
  writeCheckpoint: 'sql',
  publishView: 'local',
  explain: 'local',
  answerOperator: 'local',
  halt: 'local',
} as const satisfies Record<EffectKind, Lane>;
