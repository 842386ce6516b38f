/** What a session read does when no node of the region is known to have reached its token. */
import { comparePositions, formatPosition, type Position } from '../../../shared/core/position.ts';

export interface WaitFacts {
  readonly token: Position;
  /** Highest position of a healthy node of the region; null when none is known. */
  readonly best: Position | null;
  /** Highest position that this router knows to exist; a token beyond it may be of no write. */
  readonly known: Position | null;
  /** How far the region is behind, as last proven; null when not known. */
  readonly lagMs: number | null;
  readonly waitedMs: number;
  readonly waitMsMax: number;
  readonly leftMs: number;
}

export type WaitDecision =
  | { readonly kind: 'wait'; readonly ms: number; readonly why: string }
  | { readonly kind: 'primary'; readonly why: string };

/**
 * Waits while that can help: never beyond the bound, never behind a node far too late, never for a
 * position that perhaps does not exist (the primary knows, and refuses it at once).
 */
export function decideReadWait(facts: WaitFacts): WaitDecision {
  const { token, best, known, lagMs } = facts;
  if (known === null || comparePositions(token, known) > 0) {
    return { kind: 'primary', why: `nothing up to ${formatPosition(token)} was heard of here` };
  }
  if (best === null) return { kind: 'primary', why: 'no healthy node of the region' };
  const leftMs = Math.min(facts.waitMsMax - facts.waitedMs, facts.leftMs / 2);
  if (leftMs <= 0) {
    return { kind: 'primary', why: `no node reached ${formatPosition(token)} in time` };
  }
  if (lagMs !== null && lagMs > 4 * facts.waitMsMax + 1000) {
    return { kind: 'primary', why: `the region is ${Math.round(lagMs)} ms behind` };
  }
  if (best.epoch < token.epoch && comparePositions(best, token) < 0) {
    return { kind: 'wait', ms: leftMs, why: 'the region has not entered that epoch yet' };
  }
  return { kind: 'wait', ms: leftMs, why: 'a node is about to reach the token' };
}
