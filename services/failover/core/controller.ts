/**
 * The state machine of a region's controller: one input at a time, effects out. It decides; the
 * shell reads, writes and waits (HOUSE_STYLE section 2).
 */
import type { Effect } from './controller-effect.ts';
import type { Input } from './controller-input.ts';
import type { ControllerState } from './controller-state.ts';

export interface Stepped {
  readonly state: ControllerState;
  readonly effects: readonly Effect[];
}

/** Takes one input. Never throws but for a broken invariant. */
export function step(state: ControllerState, input: Input): Stepped {
  return { state: { ...state, nowMs: Math.max(state.nowMs, input.nowMs) }, effects: [] };
}
