/** Which occurrences hold for this region now, and the roles it goes through by them. */
import type { Role } from '../../../shared/core/cluster-view.ts';
import { comparePositions } from '../../../shared/core/position.ts';
import type { ControllerState } from './controller-state.ts';
import { isLeaseLapsed } from './lease-keeper.ts';
import { mayInitialise } from './node-plan.ts';
import { tenureBroken } from './promotion-plan.ts';
import { judgeTail } from './rejoin/rejoin-plan.ts';
import { transitionOf, type Occurrence, type RoleTransition } from './role-transitions.ts';
import { hasSealed } from './seal-plan.ts';
import {
  currentPromotion,
  hasHistory,
  hasLease,
  isChosen,
  isNodeOpen,
  isPeerLive,
  openingObstacle,
  ownDatabase,
  regionNodeState,
  reportOf,
} from './situation.ts';

/** A replica this far behind a live primary serves no reads that need a bound. */
const farBehindMs = 30_000;

export interface RoleChange {
  readonly state: ControllerState;
  readonly taken: readonly (RoleTransition & { readonly detail: string })[];
}

/** Goes through the table until no row applies. */
export function changeRole(state: ControllerState): RoleChange {
  const taken: (RoleTransition & { readonly detail: string })[] = [];
  let current = state;
  // Invariant of the table: no path through it is longer than its number of roles.
  for (let steps = 0; steps < 9; steps += 1) {
    const transition = transitionOf(current.role, (occurrence) => holds(current, occurrence));
    if (transition === null) break;
    taken.push({ ...transition, detail: detailOf(current, transition.on) });
    current = { ...current, role: transition.to, why: transition.why };
    if (transition.to === 'fenced') current = tenureBroken(current);
  }
  return { state: current, taken };
}

/** The role of a controller that has just learnt what its node holds. */
export function initialRole(state: ControllerState): Role {
  const database = ownDatabase(state);
  if (database === null || !hasHistory(state)) return 'joining';
  return database.fence.lastOpenedEpoch > 0 ? 'fenced' : 'catching-up';
}

/** Whether `occurrence` holds. */
export function holds(state: ControllerState, occurrence: Occurrence): boolean {
  const { fold, kind } = state;
  if (kind !== 'running') return false;
  const { prepare } = fold;
  switch (occurrence) {
    case 'seeded':
      return hasHistory(state) || (mayInitialise(state) && ownDatabase(state) !== null);
    case 'storageLost':
    case 'reseeded':
      return isStorageLost(state);
    case 'caughtUp':
      return (
        (fold.epoch === 0 && !hasHistory(state)) || (isFollowing(state) && !isFarBehind(state))
      );
    case 'fellBehind':
      return isFollowing(state) && isFarBehind(state);
    case 'chosen':
      return isChosen(state) && prepare === null && isToOpen(state);
    case 'passedOver':
    case 'deposed':
      return fold.primary !== null && !isChosen(state);
    case 'opened': {
      const isTenant = state.tenure?.epoch === fold.epoch && !state.tenure.isBroken;
      const mayBe = state.role === 'promoting' || hasLease(state);
      return isChosen(state) && prepare === null && isTenant && mayBe && isNodeOpen(state);
    }
    case 'switchoverRead':
      return prepare?.change === 'switchover' && prepare.force === null;
    case 'failoverRead':
      return prepare !== null && (prepare.change === 'failover' || prepare.force !== null);
    case 'leaseLapsed':
      return isLeaseLapsed(state);
    case 'nodeClosed':
      return prepare === null && isChosen(state) && !isNodeOpen(state);
    case 'handedOver':
      return isHandedOver(state);
    case 'tailEmpty':
      return judgeTail(state).kind === 'empty';
    case 'tailDiverged':
      return judgeTail(state).kind === 'diverged';
    default:
      return occurrence satisfies never;
  }
}

/** A region that is chosen and is not one that opened the epoch already and was fenced. */
function isToOpen(state: ControllerState): boolean {
  if (!hasHistory(state) || openingObstacle(state) !== null) return false;
  const isFencedInOwnEpoch =
    state.role === 'fenced' && ownDatabase(state)?.fence.lastOpenedEpoch === state.fold.epoch;
  return !isFencedInOwnEpoch || state.tenure === null;
}

function isStorageLost(state: ControllerState): boolean {
  const node = regionNodeState(state);
  if (node === null || state.nodesHeardAtMs === null) return false;
  const isForeign = state.database !== null && state.database.fence.region !== state.config.region;
  return node.data !== 'ready' || isForeign;
}

function isFollowing(state: ControllerState): boolean {
  const report = reportOf(state, 'follow');
  return report?.phase === 'running' && report.applied.epoch === state.fold.epoch;
}

function isFarBehind(state: ControllerState): boolean {
  const { primary } = state.fold;
  if (primary === null || !isPeerLive(state, primary)) return false;
  const freshAtMs = state.replication?.freshAtMs ?? null;
  return freshAtMs !== null && state.wallMs - freshAtMs > farBehindMs;
}

/** Whether this region's own final seal was counted and is the cut. */
function isHandedOver(state: ControllerState): boolean {
  const promotion = currentPromotion(state);
  if (promotion === null || isChosen(state) || promotion.from !== state.config.region) return false;
  if (!promotion.isQuick || state.fold.prepare !== null) return false;
  const tail = judgeTail(state);
  return tail.kind === 'empty' && comparePositions(tail.position, promotion.cut) === 0;
}

function detailOf(state: ControllerState, occurrence: Occurrence): string {
  const { prepare } = state.fold;
  switch (occurrence) {
    case 'chosen':
    case 'passedOver':
    case 'deposed':
    case 'handedOver':
      return currentPromotion(state)?.why ?? '';
    case 'switchoverRead':
    case 'failoverRead': {
      const sealed = prepare !== null && hasSealed(state, prepare) ? ', sealed already' : '';
      return `attempt ${prepare?.attempt ?? 0} for epoch ${prepare?.epoch ?? 0}${sealed}`;
    }
    case 'tailDiverged': {
      const tail = judgeTail(state);
      return tail.kind === 'diverged' ? tail.why : '';
    }
    default:
      return '';
  }
}
