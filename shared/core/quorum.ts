/** Quorums over member regions: what a COMMIT waits for and what a seal needs. */
import { comparePositions, zeroPosition, type Position } from './position.ts';

/** The K-th highest of `positions`; null when there are fewer than `k`, or `k` is below 1. */
export function kthHighest(positions: readonly Position[], k: number): Position | null {
  if (k < 1 || positions.length < k) return null;
  return positions.toSorted((a, b) => comparePositions(b, a))[k - 1] ?? null;
}

/** The lowest of `positions`; null for none: the lowest of nobody is nothing. */
export function lowest(positions: readonly Position[]): Position | null {
  return kthHighest(positions, positions.length);
}

/** How many member seals are needed so that any `kLow` confirming members meet them. */
export function sealQuorum(memberCount: number, kLow: number): number {
  return memberCount - kLow + 1;
}

/** The position released to semi-sync writers and the one released to sync writers. */
export function releasedPositions(
  acknowledged: readonly Position[],
  k: number,
): { readonly write: Position; readonly apply: Position } {
  const write = kthHighest(acknowledged, k) ?? zeroPosition;
  const all = write === zeroPosition ? null : lowest(acknowledged);
  const apply = all === null || comparePositions(all, write) > 0 ? write : all;
  return { write, apply };
}
