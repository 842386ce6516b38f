/**
 * What is logged of requests that failed. During a change of primary the other regions ask by the
 * hundred: what tells them so is a line a second, with how many there were since the last one.
 */
import type { Logger } from '../logging/logger.ts';

export interface Failure {
  readonly reqId: string;
  readonly code: string;
  readonly why: string;
}

const manyByNature: ReadonlySet<string> = new Set(['NotPrimary']);
const everyMs = 1000;

export class FailureLog {
  readonly #now: () => number;
  readonly #last = new Map<string, { readonly atMs: number; readonly more: number }>();

  /** `now`: monotonic milliseconds. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  note(logger: Pick<Logger, 'warn' | 'debug'>, failure: Failure): void {
    const { code } = failure;
    const last = this.#last.get(code);
    const isTooSoon = last !== undefined && this.#now() - last.atMs < everyMs;
    if (manyByNature.has(code) && isTooSoon) {
      this.#last.set(code, { ...last, more: last.more + 1 });
      logger.debug(failure, 'failed');
      return;
    }
    this.#last.set(code, { atMs: this.#now(), more: 0 });
    const more = last?.more ?? 0;
    logger.warn(more === 0 ? failure : { ...failure, more }, 'failed');
  }
}
