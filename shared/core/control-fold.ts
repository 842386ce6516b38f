/** Folds the control log: one pure function, the same in every region (DESIGN.md section 5). */
import type { ControlRecord } from './control-record.ts';
import type { ControlState, FoldOutcome } from './control-state.ts';

export interface Folded {
  readonly state: ControlState;
  readonly outcome: FoldOutcome;
}

/** Applies one record. A record whose condition fails is void and changes nothing. */
export function foldControl(state: ControlState, record: ControlRecord): Folded {
  return { state, outcome: { kind: 'void', why: `not folded: ${record.kind}` } };
}
