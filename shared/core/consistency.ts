/**
 * Consistency levels of a read, and when a node satisfies a position token (DESIGN.md section 6).
 */
import type { Epoch } from './epoch.ts';
import { comparePositions, type Position } from './position.ts';

export const consistencyLevels = ['strong', 'session', 'bounded', 'eventual'] as const;
export type ConsistencyLevel = (typeof consistencyLevels)[number];

export type Consistency =
  | { readonly level: 'strong' }
  | { readonly level: 'session'; readonly token: Position | null }
  | { readonly level: 'bounded'; readonly maxStalenessMs: number }
  | { readonly level: 'eventual' };

/** Where an epoch began: every position of an older epoch above `cut` is lost. */
export interface EpochCut {
  readonly epoch: Epoch;
  readonly cut: Position;
}

export type TokenVerdict = 'satisfied' | 'wait' | 'lost';

/** `text` as a ConsistencyLevel, or null. */
export function parseConsistencyLevel(text: string): ConsistencyLevel | null {
  return consistencyLevels.find((level) => level === text) ?? null;
}

/**
 * Whether `position` is at or below the cut of *every* epoch after its own, up to and including
 * `upto`. `history` holds every epoch that was ever promoted, unopened ones included.
 */
export function isWithinCuts(
  position: Position,
  upto: Epoch,
  history: readonly EpochCut[],
): boolean {
  return cutBelow(position, upto, history) === null;
}

/**
 * The lowest cut below `position` of an epoch after its own, up to and including `upto`: what is
 * left of a history that reached `position`. Null when all of it is.
 */
export function cutBelow(
  position: Position,
  upto: Epoch,
  history: readonly EpochCut[],
): Position | null {
  let lowest: Position | null = null;
  for (const { epoch, cut } of history) {
    if (epoch <= Math.max(position.epoch, 1) || epoch > upto) continue;
    if (comparePositions(cut, lowest ?? position) < 0) lowest = cut;
  }
  return lowest;
}

/** Judges `token` at a node whose history ends at `node`. */
export function judgeToken(
  token: Position,
  node: Position,
  history: readonly EpochCut[],
): TokenVerdict {
  if (node.epoch < token.epoch) return 'wait';
  if (node.epoch === token.epoch) {
    return comparePositions(node, token) >= 0 ? 'satisfied' : 'wait';
  }
  return isWithinCuts(token, node.epoch, history) ? 'satisfied' : 'lost';
}
