/** Runs a loop again after it failed, with back-off, until it is told to stop. */
import { InvariantBroken } from '../core/assert.ts';
import { messageOf } from '../errors/meridian-error.ts';
import type { Logger } from '../logging/logger.ts';
import type { Backoff } from './backoff.ts';
import { sleep } from './sleep.ts';

export interface SupervisedLoop {
  readonly name: string;
  /** Runs until `signal` aborts; returning or throwing earlier counts as a failure. */
  readonly run: (signal: AbortSignal, markHealthy: () => void) => Promise<void>;
  readonly backoff: Backoff;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Resolves once `signal` has aborted and the run under way has ended. Broken invariants pass
 * through.
 */
export async function superviseLoop(loop: SupervisedLoop): Promise<void> {
  let failures = 0;
  const markHealthy = (): void => {
    failures = 0;
    loop.backoff.reset();
  };
  while (!loop.signal.aborted) {
    let why = 'ended';
    try {
      await loop.run(loop.signal, markHealthy);
    } catch (error) {
      if (error instanceof InvariantBroken) throw error;
      why = messageOf(error);
    }
    if (loop.signal.aborted) return;
    failures += 1;
    const waitMs = loop.backoff.nextMs();
    const level = failures < 3 ? 'debug' : failures < 10 ? 'warn' : 'error';
    loop.logger[level](
      { loop: loop.name, failures, waitMs: Math.round(waitMs), why },
      'loop failed',
    );
    await sleep(waitMs, loop.signal);
  }
}
