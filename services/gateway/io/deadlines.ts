/**
 * Deadlines of the requests under way: one look at all of them every few milliseconds costs less
 * than a timer for each, which nearly never runs out.
 */
import type { Clock } from '../../../shared/ports/clock.ts';

export interface Due {
  /** Monotonic. */
  readonly deadlineMs: number;
  /** Called once, up to `lookMs` late. */
  onDeadline(): void;
}

/** How late a deadline may be noticed. */
const lookMs = 20;

export class Deadlines {
  readonly #clock: Clock;
  readonly #waiting = new Set<Due>();
  #timer: NodeJS.Timeout | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on until `forget`. */
  watch(due: Due): void {
    this.#waiting.add(due);
    this.#timer ??= setInterval(() => this.#look(), lookMs);
  }

  forget(due: Due): void {
    this.#waiting.delete(due);
  }

  #look(): void {
    if (this.#waiting.size === 0) {
      if (this.#timer !== null) clearInterval(this.#timer);
      this.#timer = null;
      return;
    }
    const nowMs = this.#clock.monotonicMs();
    for (const due of this.#waiting) {
      if (nowMs < due.deadlineMs) continue;
      this.#waiting.delete(due);
      due.onDeadline();
    }
  }
}
