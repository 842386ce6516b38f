/**
 * What a region tells about a change of primary in the control log, for people: how long the write
 * pause was, and what it held beyond the cut. No condition reads it.
 */
import { isSameNote, type NoteRecord } from '../../../../shared/core/control/control-record.ts';
import type { Promotion } from '../../../../shared/core/control/control-state.ts';
import { isAtOrPast, type Position } from '../../../../shared/core/position.ts';
import type { EffectBody } from '../controller-effect.ts';
import type { ControllerState, TailFound } from '../controller-state.ts';
import { isPromotedNode, ownDatabase } from '../situation.ts';

/** The lowest cut below this region's own history, and the epoch that began with it. */
export interface TailBound {
  readonly epoch: Promotion['epoch'];
  readonly after: Position;
  /** Whether what lies beyond can hold a semi-sync or sync write that was confirmed. */
  readonly mayBeConfirmed: boolean;
}

/** Where the history of a region that holds `position` stopped being everybody's. */
export function tailBound(state: ControllerState, position: Position): TailBound | null {
  // Epoch 1 cuts nothing: there was no history before it.
  const own = Math.max(position.epoch, 1);
  const later = state.fold.history.filter((one) => one.epoch > own);
  const cutting = later.filter((one) => !isAtOrPast(one.cut, position));
  const [first] = cutting;
  if (first === undefined) return null;
  // A later epoch may have been cut lower: then its list begins earlier and has its own number.
  const lowest = cutting.reduce((low, one) => (isAtOrPast(one.cut, low.cut) ? low : one), first);
  const mayBeConfirmed = cutting.some((one) => one.isForced);
  return { epoch: lowest.epoch, after: lowest.cut, mayBeConfirmed };
}

/** Of an old primary whose tail proved empty: nothing was lost with it. */
export function emptyTail(state: ControllerState): TailFound | null {
  const opened = ownDatabase(state)?.fence.lastOpenedEpoch ?? 0;
  const ended = state.fold.history.find((one) => one.epoch > opened);
  if (opened === 0 || ended === undefined || ended.isQuick) return null;
  // A promoted node goes on with its region's log, which may lie beyond the cut.
  if (isPromotedNode(state)) return null;
  const { epoch } = ended;
  const nothing = { transactions: 0, rows: 0, mayBeConfirmed: false, isListed: true };
  return { epoch, after: null, ...nothing };
}

const membersFirstMs = 1000;

/** The notes that are due; each is sent until it is read back. */
export function planNotes(state: ControllerState): readonly EffectBody[] {
  const { fold, kind, config } = state;
  if (kind !== 'running' || fold.policy === null) return [];
  const { region } = config;
  const { tailFound, oldNode } = state;
  const tails = [tailNote(tailFound), tailNote(oldNode?.found ?? null)];
  const due = [openedNote(state), ...tails].find((note) => note !== null && !isNoted(state, note));
  if (due === undefined || due === null) return [];
  return [{ kind: 'appendControl', record: { kind: 'note', region, ...due } }];
}

type Due = Pick<NoteRecord, 'epoch' | 'note'>;

/** It waits a moment for the first members: writes wait for their records, nobody for this one. */
function openedNote({ fold, tenure, nowMs }: ControllerState): Due | null {
  if (tenure === null || tenure.epoch !== fold.epoch || tenure.pauseMs === null) return null;
  const hasMembers = fold.members.length >= fold.kLow;
  if (!hasMembers && nowMs - tenure.openedAtMs < membersFirstMs) return null;
  return { epoch: tenure.epoch, note: { about: 'opened', pauseMs: tenure.pauseMs } };
}

/** What was found of a tail, as the control log is told. */
export function tailNote(found: TailFound | null): Due | null {
  if (found === null) return null;
  const { epoch, transactions, rows, mayBeConfirmed, isListed } = found;
  return { epoch, note: { about: 'tail', transactions, rows, mayBeConfirmed, isListed } };
}

/** Whether the control log shows that note of this region. */
export function isNoted(state: ControllerState, { epoch, note }: Due): boolean {
  const { region } = state.config;
  const found = state.fold.notes.find(
    (one) => one.epoch === epoch && one.region === region && one.note.about === note.about,
  );
  return found !== undefined && isSameNote(found.note, note);
}
