/** What the checks of an operator's request answer. */
import type { ControlRecord } from '../../../../shared/core/control/control-record.ts';
import type { OperatorAnswer } from '../controller-effect.ts';

export type Refusal = Extract<OperatorAnswer, { kind: 'refused' }>;

export type Preflight =
  | { readonly kind: 'ready'; readonly record: ControlRecord; readonly operationId: string }
  | Refusal;

/** A refusal with its reason and what to do next; `operationId` of what is under way. */
export function refused(
  code: Refusal['code'],
  why: string,
  help: { readonly hint: string; readonly operationId?: string | null },
): Refusal {
  return { kind: 'refused', code, why, hint: help.hint, operationId: help.operationId ?? null };
}

/** Before epoch 1 there is nothing to change. */
export function refusedUnopened(): Refusal {
  return refused('RequestInvalid', 'the cluster has not opened its first epoch yet', {
    hint: 'see `npx meridian status` for what it waits for',
  });
}
