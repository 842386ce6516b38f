/**
 * The own lease: when it is renewed, and when the old one of another region is over. The lease
 * itself comes from records read back (`turn/reading.ts`).
 */
import { expiredFromMs } from '../../../shared/core/lease.ts';
import { publicationOf } from '../../../shared/core/epoch.ts';
import type { EffectBody } from './controller-effect.ts';
import type { ControllerState } from './controller-state.ts';
import {
  currentPromotion,
  hasLease,
  isChosen,
  isDatabaseKnown,
  isNodeOpen,
  isOpener,
  leaseTimes,
  openingObstacle,
  ownDatabase,
  owesTail,
  reportOf,
} from './situation.ts';

const sentKept = 100;
/**
 * A node that has not answered for so long may be lost: the lease is not prolonged meanwhile, and
 * runs out as much sooner if it is. It is asked four times a second.
 */
const answerMaxAgeMs = 1000;
/** A record takes about so long through the control log. */
const aheadMs = 500;

/** Whether the lease of the primary before the folded epoch is over for certain. */
export function isLeaseOver(state: ControllerState): boolean {
  const promotion = currentPromotion(state);
  if (promotion === null) return false;
  if (promotion.isQuick || promotion.epoch === 1) return true;
  return state.nowMs >= expiredFromMs(state.read.oldLeaseReadAtMs, leaseTimes(state));
}

/**
 * Why the lease is not renewed, in words; null when it is. A primary that is closed, has lost its
 * slot or cannot log does not hold on.
 */
export function renewalObstacle(state: ControllerState): string | null {
  const { fold, tenure, lease, nowMs } = state;
  if (state.kind !== 'running' || fold.prepare !== null || !isChosen(state)) return 'not primary';
  if (tenure === null || tenure.epoch !== fold.epoch) return 'not open in this epoch yet';
  const database = ownDatabase(state);
  const isLate = nowMs - state.databaseHeardAtMs > answerMaxAgeMs;
  if (database === null || isLate || !isDatabaseKnown(state)) return 'the database does not answer';
  if (!isOpener(state)) return 'the node is not the one that opened the epoch';
  const slot = publicationOf(fold.epoch);
  if (!database.slots.some((one) => one.name === slot && one.isSound)) return 'the slot is lost';
  const report = reportOf(state, 'lead');
  if (report === null || report.phase !== 'running') return 'the replicator does not lead';
  if (report.logWaitMs > state.config.memberTimeoutMs) return 'its log does not acknowledge';
  const { ttlMs } = leaseTimes(state);
  if (lease.closedSinceMs !== null && nowMs - lease.closedSinceMs > ttlMs) {
    return 'the node stays closed';
  }
  return null;
}

/** A renewal, when one is due. */
export function planLease(state: ControllerState): readonly EffectBody[] {
  const { fold, config, lease, nowMs } = state;
  const isDue = nowMs - lease.lastSentMs >= config.renewIntervalMs;
  const mayRenew = isDue && renewalObstacle(state) === null;
  if (!mayRenew && !isAboutToOpen(state)) return [];
  const { region, incarnation } = config;
  const seq = lease.nextSeq;
  return [
    {
      kind: 'appendControl',
      record: { kind: 'renew', epoch: fold.epoch, region, incarnation, seq },
    },
  ];
}

/**
 * The first renewal of an epoch travels while the region opens. Only one, and only where this run
 * of the controller read the promotion: a region that never opens does not hold on by it.
 */
function isAboutToOpen(state: ControllerState): boolean {
  const { kind, fold, lease, opening, tenure, read, nowMs } = state;
  const promotion = currentPromotion(state);
  if (kind !== 'running' || promotion === null || fold.prepare !== null) return false;
  if (!isChosen(state) || tenure !== null || !read.isPromotionSeen) return false;
  if (lease.validUntilMs !== null || lease.sent.length > 0) return false;
  if (openingObstacle(state) !== null || !isDatabaseKnown(state)) return false;
  if (owesTail(state) || opening?.hasCut !== true) return false;
  return isLeaseOver({ ...state, nowMs: nowMs + aheadMs });
}

/** Notes a renewal at the moment it is handed out: before it is sent. */
export function renewalSent(state: ControllerState, seq: number): ControllerState {
  const { lease, nowMs } = state;
  const sent = [...lease.sent, { seq, sentAtMs: nowMs }].slice(-sentKept);
  return { ...state, lease: { ...lease, sent, nextSeq: seq + 1, lastSentMs: nowMs } };
}

/** Notes since when the lease is valid while the node is closed; called at each step. */
export function trackLease(state: ControllerState): ControllerState {
  const { lease, nowMs } = state;
  const isClosed = hasLease(state) && !isNodeOpen(state);
  if (isClosed === (lease.closedSinceMs !== null)) return state;
  return { ...state, lease: { ...lease, closedSinceMs: isClosed ? nowMs : null } };
}

/** Whether the node has to be closed: its lease was not renewed in time. */
export function isLeaseLapsed(state: ControllerState): boolean {
  const { lease, tenure, nowMs } = state;
  if (!isChosen(state) || state.fold.prepare !== null || tenure === null) return false;
  if (tenure.isBroken) return false;
  const { ttlMs, marginMs } = leaseTimes(state);
  return nowMs >= (lease.validUntilMs ?? tenure.openedAtMs + ttlMs - marginMs);
}
