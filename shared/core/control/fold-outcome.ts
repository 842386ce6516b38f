/** What folding one record gives: the state after it, and whether its condition held. */
import type { ControlState, FoldOutcome } from './control-state.ts';

export interface Folded {
  readonly state: ControlState;
  readonly outcome: FoldOutcome;
}

export function applied(state: ControlState): Folded {
  return { state, outcome: { kind: 'applied' } };
}

/** Void: the state stays as it was. */
export function ignored(state: ControlState, why: string): Folded {
  return { state, outcome: { kind: 'void', why } };
}
