/**
 * What a quarantined region does with its diverged data: lists them row by row at the open primary,
 * tells the control log how much that is, keeps the folder aside, and only then is seeded anew.
 */
import type { Lsn } from '../../../../shared/core/lsn.ts';
import { comparePositions, type Position } from '../../../../shared/core/position.ts';
import type { EffectBody } from '../controller-effect.ts';
import type { EffectResult } from '../controller-input.ts';
import type { ControllerState } from '../controller-state.ts';
import { planSettingAside, seedSource } from '../node-plan.ts';
import { judgeTail } from './rejoin-plan.ts';
import { isChosen, openPrimary, ownDatabase, regionNode, regionNodeState } from '../situation.ts';
import { isNoted, tailBound, tailNote, type TailBound } from './tail-note.ts';

/** After so many failures in a row the tail counts as one that cannot be listed. */
const listingAttempts = 60;

/** The next effects of a quarantined region. */
export function planQuarantine(state: ControllerState): readonly EffectBody[] {
  const { prepare } = state.fold;
  if (state.kind !== 'running' || state.role !== 'quarantined') return [];
  if (isChosen(state) || prepare !== null || regionNodeState(state)?.data !== 'ready') return [];
  if (!isTold(state)) return planListing(state);
  if (seedSource(state) === null) return [];
  // The diverged data are kept as they are, in a folder of their own, before a seed replaces them.
  return planSettingAside(state);
}

/** What the end of the listing changes. */
export function tailListed(state: ControllerState, result: EffectResult): ControllerState {
  const bound = boundOf(state);
  if (result.kind !== 'tailListed' || bound === null) return state;
  const { transactions, rows, isListed } = result;
  const found = { ...bound, transactions, rows, isListed };
  const { oldNode } = state;
  if (oldNode?.found?.epoch !== bound.epoch) return { ...state, tailFound: found };
  // The region has one note of an epoch: what was listed of its old node before is counted too.
  const mayBeConfirmed = bound.mayBeConfirmed || oldNode.found.mayBeConfirmed;
  const both = { ...found, mayBeConfirmed };
  return {
    ...state,
    tailFound: both,
    oldNode: { ...oldNode, found: { ...both, after: oldNode.found.after } },
  };
}

/** Whether everybody can read what was found: nothing of it is replaced before. */
function isTold(state: ControllerState): boolean {
  // A node that does not answer now says nothing of its tail.
  if (judgeTail(state).kind !== 'diverged') return false;
  const bound = boundOf(state);
  if (bound === null) return true;
  const note = tailNote(state.tailFound);
  return isListed(state, bound) && note !== null && isNoted(state, note);
}

function isListed({ tailFound }: ControllerState, { epoch, after }: TailBound): boolean {
  if (tailFound === null || tailFound.after === null) return false;
  return tailFound.epoch === epoch && comparePositions(tailFound.after, after) === 0;
}

function planListing(state: ControllerState): readonly EffectBody[] {
  const tail = judgeTail(state);
  const bound = boundOf(state);
  const target = openPrimary(state);
  if (tail.kind !== 'diverged' || bound === null || target === null) return [];
  if (isListed(state, bound)) return [];
  const isReadable = (state.failures['listTail'] ?? 0) < listingAttempts;
  return [
    {
      kind: 'listTail',
      node: regionNode(state),
      epoch: bound.epoch,
      after: isReadable ? bound.after : null,
      upTo: isReadable ? tail.position : null,
      mayBeConfirmed: bound.mayBeConfirmed,
      confirmedUpTo: state.confirmedSeen,
      why: tail.why,
      target,
    },
  ];
}

/** Where the own history stopped being everybody's; null when no cut is below it. */
function boundOf(state: ControllerState): TailBound | null {
  const tail = judgeTail(state);
  if (tail.kind !== 'diverged') return null;
  return tailBound(state, tail.position ?? furthestOf(state));
}

/** Of a tail whose end is not known: beyond everything of the epoch that the node was in. */
function furthestOf(state: ControllerState): Position {
  const database = ownDatabase(state);
  const opened = database?.fence.lastOpenedEpoch ?? 0;
  const applied = database?.progress?.position.epoch ?? 0;
  const epoch = Math.max(opened, applied) as Position['epoch'];
  return { epoch, endLsn: 0xffff_ffff_ffff_ffffn as Lsn };
}
