/**
 * The promise of a region, in its order: drain (old primary of a switchover), raise the fence in
 * the own PostgreSQL, complete the log, tell the control log (DESIGN.md section 5, "Sealing").
 */
import type { SealRecord } from '../../../shared/core/control/control-record.ts';
import type { OpenPrepare } from '../../../shared/core/control/control-state.ts';
import type { EffectBody } from './controller-effect.ts';
import type { ControllerState, SealState } from './controller-state.ts';
import { isSealAnnounced } from './relay/announcement.ts';
import {
  hasHistory,
  isOwnLogLost,
  isPromotedNode,
  ownDatabase,
  ownEpoch,
  regionNode,
  reportedPosition,
  reportOf,
} from './situation.ts';

/** Whether the region has to seal now, still drains, or goes on as before. */
export type SealDuty = 'none' | 'drain' | 'seal';

/** What the open prepare asks of this region at this moment. */
export function sealDuty(state: ControllerState): SealDuty {
  const { prepare } = state.fold;
  if (prepare === null || state.kind !== 'running' || ownDatabase(state) === null) return 'none';
  const isFirstOpening = state.fold.epoch === 0 && prepare.preferred === state.config.region;
  // A region whose seed has not ended has no position to promise.
  if (!hasHistory(state) && !isFirstOpening) return 'none';
  // Nor has a promoted node whose own tail is not in the log yet, nor one that lost that log.
  if (isPromotedNode(state) || isOwnLogLost(state)) return 'none';
  if (hasSealed(state, prepare)) return 'seal';
  if (prepare.change === 'failover' || prepare.force !== null) return 'seal';
  if (prepare.oldPrimary !== state.config.region) {
    // A seal that is not counted would only be in the way of those that are (decision 0054).
    if (prepare.preferred !== state.config.region) return 'none';
    const isRead = prepare.seals.some((seal) => seal.region === prepare.oldPrimary);
    return isRead || isSealAnnounced(state, prepare) ? 'seal' : 'none';
  }
  return isDrained(state) ? 'seal' : 'drain';
}

/** Whether the fence is raised for the open prepare: then there is no way back. */
export function hasSealed(state: ControllerState, prepare: OpenPrepare): boolean {
  const inFence = ownDatabase(state)?.fence.sealedEpoch ?? 0;
  return Math.max(inFence, state.replication?.sealedEpoch ?? 0) >= prepare.epoch;
}

/** The next effects of draining and sealing. */
export function planSeal(state: ControllerState): readonly EffectBody[] {
  const { prepare } = state.fold;
  const node = regionNode(state);
  if (prepare === null) return [];
  const duty = sealDuty(state);
  if (duty === 'none') return [];
  if (duty === 'drain') {
    // Once: facts that were asked for before the last effect say nothing of it.
    const isDoorOpen = state.isDatabaseFresh && ownDatabase(state)?.fence.openEpoch !== null;
    return isDoorOpen ? [{ kind: 'drainNode', node }] : [];
  }
  if (state.seal === null || state.seal.walEnd === null) {
    return [{ kind: 'sealNode', node, epoch: prepare.epoch }];
  }
  const record = sealRecord(state, prepare, state.seal);
  const isRead = prepare.seals.some((seal) => seal.region === state.config.region);
  return record === null || isRead ? [] : [{ kind: 'appendControl', record }];
}

/** Keeps the seal's own state in step with the prepare; called at each step. */
export function trackSeal(state: ControllerState): ControllerState {
  const { prepare } = state.fold;
  if (prepare === null) return state.seal === null ? state : { ...state, seal: null };
  const duty = sealDuty(state);
  if (duty === 'drain' && state.seal === null) {
    const seal: SealState = {
      epoch: prepare.epoch,
      drainingSinceMs: state.nowMs,
      walEnd: null,
      ownEpoch: null,
    };
    return { ...state, seal };
  }
  return state;
}

/** Whether running transactions are over, or had their time. */
function isDrained(state: ControllerState): boolean {
  const { seal, config, nowMs } = state;
  const database = ownDatabase(state);
  if (database === null) return false;
  const since = seal?.drainingSinceMs ?? null;
  if (since === null) return database.fence.openEpoch === null;
  if (nowMs - since >= config.drainMs) return true;
  const isClosed = database.fence.openEpoch === null && state.isDatabaseFresh;
  return isClosed && state.databaseAskedAtMs > since && database.runningTransactions === 0;
}

/** The record of this region's promise; null until its log is completed. */
export function sealRecord(
  state: ControllerState,
  prepare: OpenPrepare,
  seal: SealState,
): SealRecord | null {
  const report = reportOf(state, 'complete');
  const directive = report?.directive;
  if (report === null || report.phase !== 'done' || directive?.kind !== 'complete') return null;
  const isThis =
    directive.sealEpoch === prepare.epoch &&
    directive.isOpener === (seal.ownEpoch !== null) &&
    directive.walEnd === (seal.ownEpoch === null ? null : seal.walEnd);
  if (!isThis || report.store === null || report.sealedEpoch < prepare.epoch) return null;
  const { tenure, config } = state;
  const knows = tenure !== null && tenure.epoch === state.fold.epoch && tenure.knowsConfirmed;
  return {
    kind: 'seal',
    epoch: prepare.epoch,
    region: config.region,
    store: report.store,
    position: reportedPosition(report),
    final: isFinal(state, prepare, seal),
    confirmed: knows ? report.confirmed : null,
  };
}

/**
 * Invariant: after a final seal nobody waits for an older lease any more. So its node has opened
 * the door, which it does when that lease is over: to have begun the epoch in its log is too
 * little.
 */
function isFinal(state: ControllerState, prepare: OpenPrepare, seal: SealState): boolean {
  const { config, fold } = state;
  if (prepare.oldPrimary !== config.region || seal.ownEpoch !== fold.epoch) return false;
  return ownDatabase(state)?.fence.lastOpenedEpoch === fold.epoch;
}

/** The seal after `sealNode` has ended with this WAL end. */
export function sealRaised(state: ControllerState, walEnd: SealState['walEnd']): ControllerState {
  const { prepare } = state.fold;
  if (prepare === null) return state;
  const { epoch } = prepare;
  const drainingSinceMs = state.seal?.drainingSinceMs ?? null;
  return { ...state, seal: { epoch, drainingSinceMs, walEnd, ownEpoch: ownEpoch(state) } };
}
