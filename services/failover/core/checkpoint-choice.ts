/**
 * Chooses the checkpoint that a start folds on from. The own one does while the log still holds
 * what follows it; a newer one of another region does as well, and is needed when it does not.
 */
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { Checkpoint } from './controller-input.ts';

export interface OwnCheckpoint {
  readonly checkpoint: Checkpoint;
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
  | { readonly kind: 'chosen'; readonly checkpoint: Checkpoint | null }
  | { readonly kind: 'unknown'; readonly why: string };

export function chooseCheckpoint(
  own: Checkpoint | null,
  others: Checkpoint | null,
  begins: LogOffset | null,
): CheckpointChoice {
  const isOthers = others !== null && (own === null || others.nextOffset > own.nextOffset);
  const newest = isOthers ? others : own;
  const from = newest?.nextOffset ?? 0n;
  if (begins === null || from >= begins) return { kind: 'chosen', checkpoint: newest };
  const why = `the control log begins at ${begins}, no checkpoint reaches beyond ${from}`;
  return { kind: 'unknown', why };
}

function isBefore({ nextOffset }: Checkpoint, begins: LogOffset | null): boolean {
  return begins !== null && nextOffset < begins;
}
