/**
 * Whether the primary is gone although its lease still runs: then the change of primary begins at
 * once, and all but the opening is done while the lease runs out. One region's word is not enough:
 * a line that is cut, or a control log that stands still, is no loss of the primary.
 */
import type { ControllerState } from '../controller-state.ts';
import { isChosen, leaseTimes } from '../situation.ts';

/** Share of the lease after which a region says that it does not hear the primary. */
const silentShare = 0.5;
/**
 * Share after which it acts, when every other region says the same: late enough for a machine that
 * is short of breath, early enough that all is ready when the lease is over.
 */
const goneShare = 0.7;
/** How old a region's word may be, as a share of the lease. */
const wordShare = 0.3;

/** Whether this region has lately heard nothing from the primary, on whatever way. */
export function isPrimarySilent(state: ControllerState): boolean {
  const { primary } = state.fold;
  if (primary === null || isChosen(state)) return false;
  return silentMs(state) > silentShare * leaseTimes(state).ttlMs;
}

/** Why the primary counts as gone, in words; null when it does not. */
export function whyPrimaryIsGone(state: ControllerState): string | null {
  const { fold, config, peers, nowMs } = state;
  const { ttlMs } = leaseTimes(state);
  if (fold.primary === null || isChosen(state)) return null;
  const ownSilentMs = silentMs(state);
  if (ownSilentMs <= goneShare * ttlMs) return null;
  const witnesses = peers.filter(
    ({ report, heardAtMs }) =>
      report.id !== fold.primary &&
      report.id !== config.region &&
      fold.policy?.regions.includes(report.id) === true &&
      report.epoch === fold.epoch &&
      nowMs - heardAtMs + report.ageMs <= wordShare * ttlMs,
  );
  const agrees = witnesses.every(({ report }) => report.isPrimarySilent === true);
  if (witnesses.length === 0 || !agrees) return null;
  const names = witnesses.map(({ report }) => report.id).join(', ');
  const heard = `heard from it for ${Math.round(ownSilentMs)} ms, nor does ${names}`;
  return `${fold.primary} is gone: nothing was ${heard}`;
}

/** Since the last renewal, the last report straight from the primary, and the own last pause. */
function silentMs({ fold, peers, read, nowMs, listeningSinceMs }: ControllerState): number {
  const report = peers.find((one) => one.report.id === fold.primary);
  const reportAtMs = report === undefined ? -Infinity : report.heardAtMs - report.report.ageMs;
  return nowMs - Math.max(reportAtMs, read.leaseReadAtMs, listeningSinceMs);
}
