/**
 * An old primary or a region that was away: is its own history within the cuts? The tail of an
 * opener is its own WAL, decoded to the end into its own log; empty → the progress row is set and
 * it follows; not empty → it is kept apart and the region is seeded (DESIGN.md section 5).
 */
import { publicationOf, type Epoch } from '../../../../shared/core/epoch.ts';
import { isAtOrPast, type Position } from '../../../../shared/core/position.ts';
import type { ReplicationReport } from '../../../../shared/core/replication-report.ts';
import type { EffectBody } from '../controller-effect.ts';
import type { ControllerState } from '../controller-state.ts';
import {
  hasHistory,
  isDiverged,
  isDoorOpen,
  isOwnLogLost,
  isPromotedNode,
  ownDatabase,
  ownEpoch,
  ownPosition,
  owesTail,
  regionNode,
  reportedPosition,
  reportOf,
} from '../situation.ts';

/** A log or a slot that fails for so long does not yield the tail any more. */
const listingMs = 120_000;

export type TailVerdict =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'empty'; readonly position: Position }
  /** Beyond a cut, or not listable; `position` null when it is not known. */
  | { readonly kind: 'diverged'; readonly position: Position | null; readonly why: string };

/** Judges where this region's own history ends. */
export function judgeTail(state: ControllerState): TailVerdict {
  if (!hasHistory(state)) return { kind: 'unknown' };
  if (isOwnLogLost(state)) {
    return { kind: 'diverged', position: null, why: 'its tail is not listable: its log is lost' };
  }
  if (!owesTail(state)) {
    const position = ownPosition(state);
    if (position === null) return { kind: 'unknown' };
    if (!isDiverged(state, position)) return { kind: 'empty', position };
    return { kind: 'diverged', position, why: 'what it applied lies beyond a cut' };
  }
  const opened = ownDatabase(state)?.fence.lastOpenedEpoch;
  if (state.isDatabaseFresh && !hasSlotOf(state, opened as Epoch)) {
    return { kind: 'diverged', position: null, why: 'its tail is not listable: no slot yields it' };
  }
  const report = reportOf(state, 'complete');
  if (report === null || report.directive.kind !== 'complete') return { kind: 'unknown' };
  if (!report.directive.isOpener || report.directive.epoch !== opened) return { kind: 'unknown' };
  if (report.directive.walEnd !== state.tail?.walEnd) return { kind: 'unknown' };
  const failedAtMs = state.replicationFailedAtMs;
  if (failedAtMs !== null && state.nowMs - failedAtMs >= listingMs) {
    return { kind: 'diverged', position: null, why: `its tail is not listable: ${report.why}` };
  }
  if (report.phase !== 'done') return { kind: 'unknown' };
  const position = tailPosition(state, report);
  if (!isDiverged(state, position)) return { kind: 'empty', position };
  return { kind: 'diverged', position, why: 'it committed beyond the cut' };
}

/** Where the data end: a promoted node holds nothing of the epoch beyond its timeline's start. */
function tailPosition(state: ControllerState, report: ReplicationReport): Position {
  const position = reportedPosition(report);
  const epoch = ownEpoch(state);
  if (!isPromotedNode(state) || epoch === null || state.tail === null) return position;
  const start: Position = { epoch, endLsn: state.tail.walEnd };
  return isAtOrPast(position, start) ? start : position;
}

function hasSlotOf(state: ControllerState, epoch: Epoch): boolean {
  const name = publicationOf(epoch);
  return ownDatabase(state)?.slots.some((slot) => slot.name === name && slot.isSound) === true;
}

/** Fixes where the own WAL ends, once the door is closed; called at each step. */
export function trackTail(state: ControllerState): ControllerState {
  const database = ownDatabase(state);
  if (database === null || !owesTail(state)) return state.tail === null ? state : noTail(state);
  const epoch = ownEpoch(state);
  if (epoch === null || !state.isDatabaseFresh || isDoorOpen(state)) return state;
  const { serverStart } = database;
  const walEnd = isPromotedNode(state) ? database.timelineStart : database.walEnd;
  if (walEnd === null) return state;
  if (state.tail?.serverStart === serverStart && state.tail.ownEpoch === epoch) return state;
  return { ...state, tail: { ownEpoch: epoch, serverStart, walEnd } };
}

function noTail(state: ControllerState): ControllerState {
  return { ...state, tail: null };
}

/** The next effects of rejoining. */
export function planRejoin(state: ControllerState): readonly EffectBody[] {
  if (state.kind !== 'running') return [];
  const { prepare } = state.fold;
  const node = regionNode(state);
  // A promoted node goes on as a replica of its own log, and seals as one.
  if (owesTail(state) && (prepare === null || isPromotedNode(state))) {
    const tail = judgeTail(state);
    if (tail.kind === 'empty') return [{ kind: 'setProgress', node, position: tail.position }];
  }
  return [];
}
