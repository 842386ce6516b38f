/**
 * Staleness that is proven, whatever the clocks of the regions say. All results are monotonic
 * times of this machine: "everything confirmed before it is visible on the node".
 */

/** A look at the primary's clock: read there at or after `sentAtMs` (own monotonic time). */
export interface ClockAnchor {
  readonly sentAtMs: number;
  readonly wallMs: number;
}

/** How fast two machines' clocks may drift apart, as a share of the time passed. */
const driftShare = 0.001;

/**
 * The own monotonic time that stands for the primary's wall time `provenWallMs`: never later than
 * the truth, because the primary's clock was read no earlier than the question was sent.
 */
export function freshFromWall(provenWallMs: number, anchor: ClockAnchor, nowMs: number): number {
  const sinceLookMs = provenWallMs - anchor.wallMs;
  // The clocks drift over the longer of the two distances from the look, whichever way it lies.
  const driftingMs = Math.max(Math.abs(nowMs - anchor.sentAtMs), Math.abs(sinceLookMs));
  return anchor.sentAtMs + sinceLookMs - driftingMs * driftShare;
}

/** The later of two proofs; null is no proof. */
export function fresher(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}

/** Upper bound of the age of what a node shows; null when nothing is proven. */
export function stalenessOf(freshAtMs: number | null, nowMs: number): number | null {
  return freshAtMs === null ? null : Math.max(0, nowMs - freshAtMs);
}
