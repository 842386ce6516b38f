/** Up to where a leader has decoded its server's log, and who waits for it to go further. */
import { zeroLsn, type Lsn } from '../../../shared/core/lsn.ts';
import type { Clock } from '../../../shared/ports/clock.ts';

export class PassedPosition {
  readonly #clock: Clock;
  readonly #waiters = new Set<() => void>();
  #lsn: Lsn = zeroLsn;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Everything up to here was decoded. */
  get lsn(): Lsn {
    return this.#lsn;
  }

  advance(lsn: Lsn): void {
    if (lsn <= this.#lsn) return;
    this.#lsn = lsn;
    for (const wake of [...this.#waiters]) wake();
  }

  /** Whether it has reached `lsn` within `waitMs`. */
  async reached(lsn: Lsn, waitMs: number): Promise<boolean> {
    const deadlineMs = this.#clock.monotonicMs() + waitMs;
    while (this.#lsn < lsn) {
      const leftMs = deadlineMs - this.#clock.monotonicMs();
      if (leftMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const finish = (): void => {
          clearTimeout(timer);
          this.#waiters.delete(finish);
          resolve();
        };
        const timer = setTimeout(finish, leftMs);
        this.#waiters.add(finish);
      });
    }
    return true;
  }
}
