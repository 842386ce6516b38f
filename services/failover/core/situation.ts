/**
 * Where the region stands: plain questions about the controller's state, each asked in one place
 * only. Nothing is decided here.
 */
import { isWithinCuts } from '../../../shared/core/consistency.ts';
import type { Policy } from '../../../shared/core/control/control-record.ts';
import type { Promotion } from '../../../shared/core/control/control-state.ts';
import { publicationOf, type Epoch } from '../../../shared/core/epoch.ts';
import type { LeaseTimes } from '../../../shared/core/lease.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { NodeState } from '../../../shared/core/node-state.ts';
import type { Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { LogOverrun, ReplicationReport } from '../../../shared/core/replication-report.ts';
import type { DatabaseFacts } from './controller-input.ts';
import type { ControllerState } from './controller-state.ts';

/** How old facts of the database may be for a renewal to rest on them. */
const databaseFactsMaxAgeMs = 2000;

/** The node that takes writes or applies the log: the one in mode normal, else the first. */
export function regionNode(state: ControllerState): NodeId {
  const normal = state.nodes.filter((node) => node.mode === 'normal' && node.data === 'ready');
  const running = normal.find((node) => node.process === 'running');
  return (running ?? normal[0])?.id ?? state.config.nodes[0];
}

/** What the agent says of the region's own node; null before its first answer. */
export function regionNodeState(state: ControllerState): NodeState | null {
  const id = regionNode(state);
  return state.nodes.find((node) => node.id === id) ?? null;
}

/** The facts of a node that is this region's own; null while it does not answer. */
export function ownDatabase(state: ControllerState): DatabaseFacts | null {
  const { database, config } = state;
  if (database === null || database.isInRecovery) return null;
  return database.fence.region === config.region ? database : null;
}

/** Whether the database has been asked since the last effect on it, and lately. */
export function isDatabaseKnown(state: ControllerState): boolean {
  const age = state.nowMs - state.databaseHeardAtMs;
  return state.database !== null && state.isDatabaseFresh && age <= databaseFactsMaxAgeMs;
}

/** Whether the data log belongs to the data: a seed has ended, or the region began by itself. */
export function hasHistory(state: ControllerState): boolean {
  const database = ownDatabase(state);
  return database !== null && database.progress !== null && database.progress.store !== '';
}

export function isChosen(state: ControllerState): boolean {
  return state.fold.primary === state.config.region;
}

/** The promotion that began the folded epoch. */
export function currentPromotion(state: ControllerState): Promotion | null {
  return state.fold.history.at(-1) ?? null;
}

/** The newest epoch that this region opened, on which timeline: in PostgreSQL or in the log. */
export function lastOpened(
  state: ControllerState,
): { readonly epoch: number; readonly timeline: number } | null {
  const fence = ownDatabase(state)?.fence;
  const inFence = { epoch: fence?.lastOpenedEpoch ?? 0, timeline: fence?.lastOpenedTimeline ?? 0 };
  const inLog = state.replication?.opened ?? null;
  const newest = inLog !== null && inLog.epoch > inFence.epoch ? inLog : inFence;
  return newest.epoch === 0 ? null : newest;
}

/** Whether this very node opened the folded epoch: same region, same timeline. */
export function isOpener(state: ControllerState): boolean {
  const opened = lastOpened(state);
  if (opened === null || opened.epoch !== state.fold.epoch) return false;
  return ownDatabase(state)?.timeline === opened.timeline;
}

/**
 * Why the chosen region may not open, in words; null when it may. Its log is another than the one
 * that sealed, or its node is a promoted standby of the node that opened the epoch.
 */
export function openingObstacle(state: ControllerState): string | null {
  const promotion = currentPromotion(state);
  if (promotion === null || ownDatabase(state) === null) return null;
  const store = state.replication?.store ?? ownDatabase(state)?.progress?.store ?? null;
  if (store === null || store === '') return null;
  if (store !== promotion.store) return 'its log is not the one that sealed';
  const opened = lastOpened(state);
  if (opened?.epoch === state.fold.epoch && !isOpener(state)) {
    return 'its node is a promoted standby of the one that opened the epoch';
  }
  const slot = publicationOf(state.fold.epoch);
  const isSlotLost = !ownDatabase(state)?.slots.some((one) => one.name === slot && one.isSound);
  if (isOpener(state) && isDatabaseKnown(state) && isSlotLost) {
    return `its replication slot ${slot} is lost`;
  }
  return null;
}

/**
 * Whether the node holds the tail of an epoch that it cannot continue, not judged yet: of an old
 * primary, or of the node that it stood by and was promoted for. Its position is then its own WAL,
 * decoded to the end (a promoted one's: to where its timeline begins).
 */
export function owesTail(state: ControllerState): boolean {
  const opened = ownDatabase(state)?.fence.lastOpenedEpoch ?? 0;
  return opened > 0 && (opened < state.fold.epoch || isPromotedNode(state));
}

/**
 * Whether the log that belongs to the node's own tail is gone: another store than the one that was
 * promoted for that epoch. What the tail holds cannot be told from what is left.
 */
export function isOwnLogLost(state: ControllerState): boolean {
  const epoch = ownDatabase(state)?.fence.lastOpenedEpoch ?? 0;
  const promotion = state.fold.history.find((one) => one.epoch === epoch);
  const store = state.replication?.store ?? ownDatabase(state)?.progress?.store ?? null;
  return promotion !== undefined && store !== null && store !== promotion.store;
}

/** Whether the node was promoted on another timeline than its data were opened on. */
export function isPromotedNode(state: ControllerState): boolean {
  const database = ownDatabase(state);
  if (database === null || database.fence.lastOpenedEpoch === 0) return false;
  return database.timeline !== database.fence.lastOpenedTimeline;
}

/** The epoch whose tail is this node's own WAL; null where the history is what was applied. */
export function ownEpoch(state: ControllerState): Epoch | null {
  if (isOpener(state)) return state.fold.epoch;
  return owesTail(state) ? ((ownDatabase(state)?.fence.lastOpenedEpoch ?? 0) as Epoch) : null;
}

/**
 * The position of this region's history, when it is known. The progress row tells it only when it
 * was read after the replicator's last work.
 */
export function ownPosition(state: ControllerState): Position | null {
  const { replication } = state;
  const database = ownDatabase(state);
  const isRowOld = state.databaseAskedAtMs <= state.replicationWorkedAtMs;
  const inRow = owesTail(state) || isRowOld ? null : (database?.progress?.position ?? null);
  if (replication === null || replication.directive.kind === 'idle') return inRow;
  if (replication.phase !== 'running' && replication.phase !== 'done') return inRow;
  const { directive } = replication;
  if (directive.kind !== 'complete' || !directive.isOpener) return replication.applied;
  // The log of an opener is its history, until the progress row says where its data end.
  const isOwn = database?.fence.lastOpenedEpoch === directive.epoch && !isPromotedNode(state);
  return isOwn ? replication.logEnd : inRow;
}

/** Where the history of a report ends: an opener's is what it decoded, a replica's is applied. */
export function reportedPosition(report: ReplicationReport): Position {
  const { directive } = report;
  return directive.kind === 'complete' && directive.isOpener ? report.logEnd : report.applied;
}

/** Whether `position` lies beyond a cut: then it belongs to no history but its own. */
export function isDiverged(state: ControllerState, position: Position): boolean {
  return !isWithinCuts(position, state.fold.epoch, state.fold.history);
}

/** Whether this start of the server is open to applications for the folded epoch. */
export function isNodeOpen(state: ControllerState): boolean {
  const database = ownDatabase(state);
  if (database === null) return false;
  const { fence } = database;
  return (
    fence.openEpoch === state.fold.epoch &&
    fence.openedStart === database.serverStart &&
    fence.openedCheckpointer === database.checkpointerStart &&
    fence.sealedEpoch <= state.fold.epoch
  );
}

/** Whether the node has the door open for applications, for whatever epoch. */
export function isDoorOpen(state: ControllerState): boolean {
  const database = ownDatabase(state);
  if (database === null) return false;
  return database.fence.openEpoch !== null || database.applicationSessions > 0;
}

/** The replicator's report when it is about the directive that `matches`. */
export function reportOf(
  state: ControllerState,
  kind: ReplicationReport['directive']['kind'],
): ReplicationReport | null {
  return state.replication?.directive.kind === kind ? state.replication : null;
}

/**
 * Why this region cannot go on from where it is: the log that it follows, or copies after a base
 * backup, begins later. Null while it can, and while the history is not settled.
 */
export function overrunOf(state: ControllerState): LogOverrun | null {
  const { kind, fold, replication } = state;
  if (kind !== 'running' || fold.prepare !== null || isChosen(state)) return null;
  const directive = replication?.directive;
  const isFollowing =
    directive?.kind === 'follow' &&
    directive.epoch === fold.epoch &&
    directive.source === fold.primary &&
    hasHistory(state);
  const isSeeding = directive?.kind === 'seed' && !hasHistory(state);
  return isFollowing || isSeeding ? (replication?.overrun ?? null) : null;
}

export function leaseTimes(state: ControllerState): LeaseTimes {
  const policy: Pick<Policy, 'ttlMs' | 'marginMs'> = state.fold.policy ?? state.config.policy;
  return { ttlMs: policy.ttlMs, marginMs: policy.marginMs };
}

export function hasLease(state: ControllerState): boolean {
  return state.lease.validUntilMs !== null && state.nowMs < state.lease.validUntilMs;
}

/** Whether a region's last report is no older than five seconds and calls it reachable. */
export function isPeerLive(state: ControllerState, region: RegionId): boolean {
  const peer = state.peers.find((one) => one.report.id === region);
  if (peer === undefined) return false;
  const age = peer.report.ageMs + (state.nowMs - peer.heardAtMs);
  return age <= 5000 && peer.report.health !== 'unreachable';
}

/** The node of the folded primary, when that region says that it is open and well. */
export function openPrimary(
  state: ControllerState,
): { readonly region: RegionId; readonly node: NodeId } | null {
  const { primary, epoch } = state.fold;
  if (primary === null || !isPeerLive(state, primary)) return null;
  const report = state.peers.find((peer) => peer.report.id === primary)?.report;
  const node = report?.nodes.find((one) => one.kind === 'node' && one.healthy);
  if (report?.role !== 'primary' || report.epoch !== epoch || node === undefined) return null;
  return { region: primary, node: node.id };
}
