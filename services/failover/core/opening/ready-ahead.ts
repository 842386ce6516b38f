/**
 * The region that a switchover prefers makes publication, slot and sequences of the new epoch while
 * its own seal still travels (decision 0054), and drops them when another region was promoted. So
 * does the first region for the first epoch, once its fence is raised (decision 0060).
 */
import type { OpenPrepare } from '../../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../../shared/core/epoch.ts';
import { isAtOrPast } from '../../../../shared/core/position.ts';
import type { DatabaseFacts } from '../controller-input.ts';
import type { EffectBody } from '../controller-effect.ts';
import type { ControllerState } from '../controller-state.ts';
import { finalSealOf } from '../relay/announcement.ts';
import { sealRecord } from '../seal-plan.ts';
import { isChosen, ownDatabase, ownPosition, regionNode } from '../situation.ts';

/** The epoch that this region opens, or makes ready for; null when it does neither. */
export function openingEpoch(state: ControllerState): Epoch | null {
  const { fold, seal } = state;
  if (fold.prepare === null) return isChosen(state) ? fold.epoch : null;
  if (isFirst(state)) return seal?.epoch === 1 && seal.walEnd !== null ? seal.epoch : null;
  const prepare = takenOver(state);
  // What may be told in a seal is promised: nothing of the old epoch comes to this node any more.
  if (prepare === null || seal === null || sealRecord(state, prepare, seal) === null) return null;
  const last = finalSealOf(state, prepare);
  const position = ownPosition(state);
  if (last === null || position === null) return null;
  return isAtOrPast(position, last.position) ? prepare.epoch : null;
}

/** Whether this region opens the first epoch: nothing is in its log, nobody else can open it. */
function isFirst({ kind, fold, config }: ControllerState): boolean {
  return kind === 'running' && fold.epoch === 0 && fold.prepare?.preferred === config.region;
}

/** The open switchover that gives the primary role to this region; null when there is none. */
export function takenOver({ kind, fold, config }: ControllerState): OpenPrepare | null {
  const { prepare } = fold;
  if (kind !== 'running' || prepare === null || prepare.force !== null) return null;
  const isTo = prepare.preferred === config.region && prepare.oldPrimary !== config.region;
  return isTo && prepare.change === 'switchover' ? prepare : null;
}

/**
 * Whether the node has a publication or slot of an epoch that another region opened. An old primary
 * keeps its own until its tail is judged.
 */
export function hasVainParts(state: ControllerState): boolean {
  const database = ownDatabase(state);
  if (database === null || state.fold.prepare !== null || isChosen(state)) return false;
  const areBeingMade = state.running.some(({ kind }) => kind === 'createPublicationAndSlot');
  return database.fence.lastOpenedEpoch === 0 && (areBeingMade || hasParts(database));
}

/** A publication would refuse rows of tables without a key; a slot would keep WAL for ever. */
export function planVainParts(state: ControllerState): readonly EffectBody[] {
  if (state.kind !== 'running' || !hasVainParts(state)) return [];
  return [{ kind: 'dropPublicationsAndSlots', node: regionNode(state) }];
}

function hasParts({ publications, slots }: DatabaseFacts): boolean {
  return publications.length > 0 || slots.length > 0;
}
