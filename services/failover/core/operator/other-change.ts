/** What of a change of primary is under way although no prepare is open. It decides nothing. */
import type { ControllerState } from '../controller-state.ts';
import { promotionUnopened } from '../operation-view.ts';

export interface OtherChange {
  readonly why: string;
  readonly operationId: string | null;
}

/** A request that no record shows yet, or a promoted region that has not opened; null: neither. */
export function otherChange(state: ControllerState): OtherChange | null {
  const { asked } = state;
  if (asked?.record.kind === 'prepare') {
    const { operationId } = asked;
    return { why: 'another change of primary was asked for a moment ago', operationId };
  }
  const promotion = promotionUnopened(state);
  if (promotion === null) return null;
  const why = `${promotion.to} is about to open epoch ${promotion.epoch}`;
  return { why, operationId: promotion.operation?.id ?? null };
}
