/**
 * Proofs of freshness: "everything confirmed before `freshAtMs` is at or below `position`". A node
 * at or past a proof's position is at least as fresh as the proof.
 */
import { comparePositions, isAtOrPast, type Position } from '../../../shared/core/position.ts';

export interface FreshnessProof {
  readonly position: Position;
  /** Monotonic time of this machine. */
  readonly freshAtMs: number;
}

/** Proofs with rising positions and times, oldest first. */
export type FreshnessProofs = readonly FreshnessProof[];

/** Adds a proof; one that proves less than another at the same or a lower position is dropped. */
export function addProof(
  proofs: FreshnessProofs,
  proof: FreshnessProof,
  keepMax = 64,
): FreshnessProofs {
  const isWeak = proofs.some(
    (known) =>
      known.freshAtMs >= proof.freshAtMs && comparePositions(known.position, proof.position) <= 0,
  );
  if (isWeak) return proofs;
  const kept = proofs.filter(
    (known) =>
      known.freshAtMs > proof.freshAtMs || comparePositions(known.position, proof.position) < 0,
  );
  const all = [...kept, proof].toSorted((a, b) => comparePositions(a.position, b.position));
  return all.slice(Math.max(0, all.length - keepMax));
}

/** The latest time that is proven for a node at `position`; null when none is. */
export function freshAtOf(position: Position, proofs: FreshnessProofs): number | null {
  const proof = proofs.findLast((one) => isAtOrPast(position, one.position));
  return proof?.freshAtMs ?? null;
}
