/**
 * Chooses the checkpoint that a start folds on from. The own one does while the log still holds
 * what follows it; a newer one of another region does as well, and is needed when it does not.
 */
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { Checkpoint } from './controller-input.ts';

export interface FoundCheckpoint {
  readonly checkpoint: Checkpoint;
  /** Which log it is of; null: a program that does not say wrote it. */
  readonly logId: string | null;
}

export interface OwnCheckpoint extends FoundCheckpoint {
  /** How old it is, by the clock of the own node. */
  readonly ageMs: number;
}

/** Whether the other regions are to be asked for theirs. `begins`: of the log, null: not known. */
export function isAskingOthers(
  own: OwnCheckpoint | null,
  of: { readonly begins: LogOffset | null; readonly oldAfterMs: number },
): boolean {
  if (own === null || isBefore(own.checkpoint, of.begins)) return true;
  return own.ageMs > of.oldAfterMs;
}

/** `unknown`: nobody has one from which the log could be folded on; ask again. */
export type CheckpointChoice =
  | { readonly kind: 'chosen'; readonly found: FoundCheckpoint | null }
  | { readonly kind: 'unknown'; readonly why: string };

export function chooseCheckpoint(
  own: FoundCheckpoint | null,
  others: FoundCheckpoint | null,
  begins: LogOffset | null,
): CheckpointChoice {
  if (isOtherLog(own?.logId, others?.logId)) {
    const why = 'another region reads a control log that is not the one read here before';
    return { kind: 'unknown', why };
  }
  const newest = nextOf(others) > nextOf(own) ? others : (own ?? others);
  const from = nextOf(newest);
  if (begins === null || from >= begins) return { kind: 'chosen', found: newest };
  const why = `the control log begins at ${begins}, no checkpoint reaches beyond ${from}`;
  return { kind: 'unknown', why };
}

/** Offsets of one log mean nothing in another. */
export function isOtherLog(one: string | null | undefined, other: typeof one): boolean {
  const isKnown = (id: typeof one): id is string => id !== null && id !== undefined;
  return isKnown(one) && isKnown(other) && one !== other;
}

function nextOf(found: FoundCheckpoint | null): bigint {
  return found?.checkpoint.nextOffset ?? 0n;
}

function isBefore({ nextOffset }: Checkpoint, begins: LogOffset | null): boolean {
  return begins !== null && nextOffset < begins;
}
