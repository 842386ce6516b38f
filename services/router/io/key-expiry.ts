/** Forgets replies kept under idempotency keys once nobody may ask for them any more. */
import type { Logger } from '../../../shared/logging/logger.ts';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { RegionControl } from '../../../shared/ports/region-control.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import type { NodePools } from './node-pools.ts';
import { runExchange } from './sql/exchange.ts';
import { beginStep, commitStep, fenceCheckStep } from './sql/session-steps.ts';

export interface KeyExpiryOptions {
  readonly control: RegionControl;
  readonly pools: NodePools;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Remaining lease of the own primary role in milliseconds. */
  readonly leaseLeftMs: () => number;
  readonly keepMs: number;
  readonly intervalMs: number;
}

const rowsPerTransaction = 1000;
const expireSql = `DELETE FROM meridian.idempotency WHERE key IN (
  SELECT key FROM meridian.idempotency
  WHERE created_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
  LIMIT ${rowsPerTransaction})`;

/** Runs until `signal` aborts; only where this region is primary, a part at a time. */
export async function expireKeys(options: KeyExpiryOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(options.intervalMs * (0.75 + Math.random() / 2), signal);
    if (signal.aborted || options.leaseLeftMs() <= 0) continue;
    try {
      while ((await expireOnce(options)) >= rowsPerTransaction && !signal.aborted) await sleep(100);
    } catch (error) {
      options.logger.debug({ why: messageOf(error) }, 'keys could not be expired');
    }
  }
}

/** How many were forgotten. */
export async function expireOnce(options: KeyExpiryOptions): Promise<number> {
  const { control, pools, clock, keepMs } = options;
  const { node, epoch } = control.view();
  if (node === null) return 0;
  const lent = await pools.borrow(node, 'none', clock.monotonicMs() + 5000);
  try {
    const { results } = await runExchange(lent.client, [
      beginStep({ isolation: null, isReadOnly: false }),
      { sql: expireSql, values: [String(keepMs)] },
      fenceCheckStep(epoch),
      commitStep,
    ]);
    lent.giveBack('keep');
    return results[1]?.rowCount ?? 0;
  } catch (error) {
    lent.giveBack('drop');
    throw error;
  }
}
