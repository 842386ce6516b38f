/**
 * How the chosen region opens: catch up to the cut → publication and failover slot → sequences →
 * names, `opened` and epoch-start in the log → a probe COMMIT seen waiting → the old lease over →
 * the door. A node that opened the epoch before goes the last steps again.
 */
import type { Promotion } from '../../../shared/core/control/control-state.ts';
import { publicationOf, type Epoch } from '../../../shared/core/epoch.ts';
import { isAtOrPast } from '../../../shared/core/position.ts';
import type { EffectBody } from './controller-effect.ts';
import type { ControllerState, OpeningState, TenureState } from './controller-state.ts';
import { isLeaseOver } from './lease-keeper.ts';
import { openingEpoch } from './opening/ready-ahead.ts';
import {
  currentPromotion,
  hasLease,
  isChosen,
  isDatabaseKnown,
  isNodeOpen,
  isOpener,
  openingObstacle,
  ownDatabase,
  ownPosition,
  owesTail,
  regionNode,
  reportOf,
} from './situation.ts';

/** Name of the walsender that `synchronous_standby_names` waits for: unique per region, epoch. */
export function walsenderName({ config, fold }: ControllerState, epoch = fold.epoch): string {
  return `meridian_${config.region.replaceAll('-', '_')}_${epoch}`;
}

/** Whether publication, slot and sequences of the folded epoch are there. */
export function arePartsReady(state: ControllerState): boolean {
  const database = ownDatabase(state);
  const name = publicationOf(state.fold.epoch);
  if (database === null || state.opening?.epoch !== state.fold.epoch) return false;
  const hasSlot = database.slots.some((slot) => slot.name === name && slot.isSound);
  return hasSlot && database.publications.includes(name) && state.opening.areSequencesRaised;
}

/** Keeps the opening in step with the fold and the server; called at each step. */
export function trackOpening(state: ControllerState): ControllerState {
  const database = ownDatabase(state);
  const { opening } = state;
  const epoch = openingEpoch(state);
  if (epoch === null || database === null) {
    return opening === null ? state : { ...state, opening: null };
  }
  const isCurrent =
    opening !== null && opening.epoch === epoch && opening.serverStart === database.serverStart;
  if (isCurrent) {
    if (opening.hasCut || !holdsCut(state)) return state;
    return { ...state, opening: { ...opening, hasCut: true } };
  }
  const started: OpeningState = {
    id: state.nextEffectId,
    epoch,
    serverStart: database.serverStart,
    hasCut: holdsCut(state),
    // Nobody handed out a value before the first epoch.
    areSequencesRaised: epoch === 1,
    probedAt: null,
    isAgain: database.fence.lastOpenedEpoch === epoch,
  };
  return { ...state, opening: started };
}

/**
 * Whether this region's position is known now and at or past the cut. Ahead of the promotion that
 * is the old primary's final seal, which `openingEpoch` asks for.
 */
function holdsCut(state: ControllerState): boolean {
  if (state.fold.prepare !== null) return true;
  const promotion = currentPromotion(state);
  const position = ownPosition(state);
  return promotion !== null && position !== null && isAtOrPast(position, promotion.cut);
}

/** The next effect of opening; none while something is still awaited. */
export function planOpening(state: ControllerState): readonly EffectBody[] {
  const { fold, opening } = state;
  if (fold.prepare !== null) return planAheadOfPromotion(state) ?? [];
  const database = ownDatabase(state);
  const node = regionNode(state);
  if (!mayOpen(state) || database === null || opening === null || isNodeOpen(state)) return [];
  if (!isOpener(state)) {
    const next = planParts(state);
    if (next !== null) return next;
  }
  const naming = planName(state, fold.epoch);
  if (naming !== null) return naming;
  const report = reportOf(state, 'lead');
  const isLeading = report?.phase === 'running' && report.opened?.epoch === fold.epoch;
  if (!isLeading) return [];
  if (opening.probedAt === null) return [{ kind: 'probeCommit', node }];
  if (!isLeaseOver(state)) return [];
  // A node that had opened opens again only under its lease: else it would open to be closed.
  if (isReopening(state) && !hasLease(state)) return [];
  const { timeline, serverStart, checkpointerStart } = database;
  return [{ kind: 'openNode', node, epoch: fold.epoch, timeline, serverStart, checkpointerStart }];
}

/** What a finished effect of the opening changes. */
export function openingProgressed(
  state: ControllerState,
  change: Partial<Pick<OpeningState, 'areSequencesRaised' | 'probedAt'>>,
): ControllerState {
  return state.opening === null ? state : { ...state, opening: { ...state.opening, ...change } };
}

/** What is known from the moment the node is open. */
export function nodeOpened(state: ControllerState): ControllerState {
  const { opening, fold, nowMs } = state;
  const promotion = currentPromotion(state);
  if (opening === null || promotion === null || opening.epoch !== fold.epoch) return state;
  const start = { epoch: fold.epoch, endLsn: 0n as typeof promotion.cut.endLsn };
  // Beyond `safe` the cut may hold what was never confirmed and could still vanish.
  const isCutSafe = isAtOrPast(promotion.safe, promotion.cut);
  const tenure: TenureState = {
    epoch: fold.epoch,
    serverStart: opening.serverStart,
    openedAtMs: nowMs,
    isBroken: false,
    knowsConfirmed: !opening.isAgain,
    bound: opening.isAgain ? opening.probedAt : null,
    strongReadsFrom: opening.isAgain ? opening.probedAt : isCutSafe ? null : start,
    pauseMs: opening.isAgain ? null : pauseOf(state, promotion),
  };
  return { ...state, tenure };
}

/** How long nobody took writes: since the prepare, or since a lost primary's last renewal. */
function pauseOf({ read, nowMs }: ControllerState, { from, isQuick }: Promotion): number {
  if (from === null) return 0;
  const sinceMs = isQuick ? read.prepareReadAtMs : read.oldLeaseReadAtMs;
  return Math.max(0, Math.round(nowMs - sinceMs));
}

/** Whether strong reads need wait no longer: Kf members hold what they wait for. */
export function trackStrongReads(state: ControllerState): ControllerState {
  const { tenure, fold, replication } = state;
  const from = tenure?.strongReadsFrom ?? null;
  if (tenure === null || from === null || replication === null) return state;
  const held = fold.members.filter((member) =>
    replication.peers.some(
      (peer) =>
        peer.region === member.region &&
        peer.store === member.store &&
        peer.applied !== null &&
        isAtOrPast(peer.applied, from),
    ),
  );
  if (held.length < fold.kLow) return state;
  return { ...state, tenure: { ...tenure, strongReadsFrom: null } };
}

/** After the fence: what waited became visible, and what was confirmed is not known any more. */
export function tenureBroken(state: ControllerState): ControllerState {
  const { tenure, opening } = state;
  if (tenure === null) return state;
  const id = state.nextEffectId;
  const again = opening === null ? null : { ...opening, id, probedAt: null, isAgain: true };
  return { ...state, tenure: { ...tenure, isBroken: true, knowsConfirmed: false }, opening: again };
}

function mayOpen(state: ControllerState): boolean {
  if (state.kind !== 'running' || !isChosen(state) || state.fold.prepare !== null) return false;
  if (owesTail(state) || !isDatabaseKnown(state)) return false;
  return openingObstacle(state) === null;
}

function isReopening(state: ControllerState): boolean {
  return state.tenure !== null && state.opening?.isAgain === true;
}

/** All that harms nobody if another region is promoted after all; null when it is done. */
function planAheadOfPromotion(state: ControllerState): readonly EffectBody[] | null {
  const { opening, fold } = state;
  if (opening === null || opening.epoch !== fold.prepare?.epoch) return null;
  if (owesTail(state) || !isDatabaseKnown(state)) return null;
  return planParts(state) ?? planName(state, opening.epoch);
}

/** The name that a COMMIT waits for in `epoch`; null when it is set. */
function planName(state: ControllerState, epoch: Epoch): readonly EffectBody[] | null {
  const value = walsenderName(state, epoch);
  if (ownDatabase(state)?.synchronousStandbyNames === value) return null;
  return [{ kind: 'setSynchronousStandbyNames', node: regionNode(state), value }];
}

/** Publication, slot, sequences; null when they are there. */
function planParts(state: ControllerState): readonly EffectBody[] | null {
  const { opening } = state;
  const database = ownDatabase(state);
  const node = regionNode(state);
  if (database === null || opening?.hasCut !== true) return [];
  const { epoch } = opening;
  const name = publicationOf(epoch);
  const hasSlot = database.slots.some((slot) => slot.name === name && slot.isSound);
  if (!hasSlot || !database.publications.includes(name)) {
    return [{ kind: 'createPublicationAndSlot', node, epoch }];
  }
  if (!opening.areSequencesRaised) return [{ kind: 'raiseSequences', node }];
  return null;
}
