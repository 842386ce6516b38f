/**
 * Lists a diverged tail at the open primary: read from the own log, written in batches. Repeating
 * it writes the same rows under the same numbers, so that a crash in its middle is harmless.
 */
import { isAtOrPast, type Position } from '../../../../shared/core/position.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import type { DataLog } from '../../../../shared/ports/data-log.ts';
import type { EffectBody } from '../../core/controller-effect.ts';
import type { EffectResult } from '../../core/controller-input.ts';
import {
  addUnlistable,
  othersListed,
  type Confirmed,
  type Counts,
  type DivergenceId,
} from './diverged-store.ts';
import { ListedTail, type OnTarget } from './listed-tail.ts';
import { readTail } from './tail-log.ts';

export type ListTail = Extract<EffectBody, { kind: 'listTail' }>;

export interface ReportOptions {
  readonly region: RegionId;
  readonly log: DataLog;
  readonly onTarget: OnTarget;
  readonly signal: AbortSignal;
}

/** Result `tailListed`; rejects when the log or the target does not answer. */
export async function listTail(options: ReportOptions, effect: ListTail): Promise<EffectResult> {
  const { region, onTarget } = options;
  const id = { region, node: null, epoch: effect.epoch };
  const tail = new ListedTail(onTarget, id, effect.after);
  if (effect.after !== null) {
    for await (const part of readTail(options.log, effect.after, options.signal)) {
      await tail.add(part, confirmedOf(effect, part.position));
    }
    await tail.flush();
  }
  const { reached, transactions, rows } = tail;
  const { upTo } = effect;
  const isListed = reached !== null && upTo !== null && isAtOrPast(reached, upTo);
  if (!isListed) {
    const confirmed = effect.mayBeConfirmed ? 'unknown' : 'async-only';
    const why = { ordinal: rows + 1, confirmed, why: effect.why } as const;
    await onTarget((client) => addUnlistable(client, id, why));
  }
  return { kind: 'tailListed', ...(await inAll(options, id, { transactions, rows, isListed })) };
}

/** With what is listed of others of the region for the same epoch: its note counts them all. */
export async function inAll(
  { onTarget }: Pick<ReportOptions, 'onTarget'>,
  id: DivergenceId,
  own: Counts,
): Promise<Counts> {
  const others = await onTarget((client) => othersListed(client, id));
  return {
    transactions: own.transactions + others.transactions,
    rows: own.rows + others.rows,
    isListed: own.isListed && others.isListed,
  };
}

function confirmedOf({ mayBeConfirmed, confirmedUpTo }: ListTail, position: Position): Confirmed {
  if (confirmedUpTo !== null && isAtOrPast(confirmedUpTo, position)) return 'yes';
  return mayBeConfirmed ? 'unknown' : 'async-only';
}
