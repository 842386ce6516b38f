/** Positions and histories, as this world's databases and logs hold them. */
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import { comparePositions, type Position } from '../../../shared/core/position.ts';
import { endOf as endFrom, type Transaction } from '../ledger.ts';

export { nextBeyond as nextAfter, type Transaction } from '../ledger.ts';
export { Violation } from '../violation.ts';

export function positionOf(epoch: number, n: number): Position {
  return { epoch: epoch as Epoch, endLsn: BigInt(n) as Lsn };
}

export const zero = positionOf(0, 0);

export function endOf(history: readonly Transaction[]): Position {
  return endFrom(history, zero);
}

export function isPast(a: Position, b: Position): boolean {
  return comparePositions(a, b) > 0;
}

/** The start of an epoch: it counts as a transaction, and holds nothing. */
export function startOf(epoch: number): Transaction {
  return { position: positionOf(epoch, 0), id: 0, mode: 'async' };
}
