/** What the simulated databases and logs hold. */
import type { Epoch } from '../../shared/core/epoch.ts';
import type { Lsn } from '../../shared/core/lsn.ts';
import { comparePositions, type Position } from '../../shared/core/position.ts';

export type Mode = 'async' | 'semi' | 'sync' | 'start';

export interface Txn {
  readonly position: Position;
  /** Unique in a run; 0 for the start of an epoch. */
  readonly id: number;
  /** Changed to async when it was released unconfirmed, which the reply says. */
  mode: Mode;
}

export class Violation extends Error {
  override name = 'Violation';
}

export function positionOf(epoch: number, n: number): Position {
  return { epoch: epoch as Epoch, endLsn: BigInt(n) as Lsn };
}

export const zero = positionOf(0, 0);

export function endOf(history: readonly Txn[]): Position {
  return history.at(-1)?.position ?? zero;
}

export function isPast(a: Position, b: Position): boolean {
  return comparePositions(a, b) > 0;
}

/** The first transaction after `position`, or null. */
export function nextAfter(history: readonly Txn[], position: Position): Txn | null {
  let low = 0;
  let high = history.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const txn = history[middle];
    if (txn !== undefined && isPast(txn.position, position)) high = middle;
    else low = middle + 1;
  }
  return history[low] ?? null;
}
