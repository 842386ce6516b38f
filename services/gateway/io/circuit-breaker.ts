/**
 * The circuit breaker of one upstream instance. cockatiel counts and says when to open; what
 * half-open lets through (several probes, several successes to close) is decided here.
 */
import { CircuitState, ConsecutiveBreaker, CountBreaker } from 'cockatiel';
import type { GroupConfig } from '../config.ts';

export type BreakerState = 'closed' | 'open' | 'half-open';

export interface BreakerFigures {
  readonly state: BreakerState;
  readonly opened: number;
  readonly failures: number;
  readonly successes: number;
  /** Milliseconds until probes are let through; 0 unless open. */
  readonly openForMs: number;
}

export class CircuitBreaker {
  readonly #config: GroupConfig['breaker'];
  #row: ConsecutiveBreaker;
  #window: CountBreaker;
  #state: BreakerState = 'closed';
  #openUntilMs = 0;
  #probes = 0;
  #probeSuccesses = 0;
  /** Tells the probes of this half-open time from those of earlier ones. */
  #round = 0;
  #opened = 0;
  #failures = 0;
  #successes = 0;

  constructor(config: GroupConfig['breaker']) {
    this.#config = config;
    this.#row = this.#newRow();
    this.#window = this.#newWindow();
  }

  /** Whether a request may go through at `nowMs`. */
  allows(nowMs: number): boolean {
    if (this.#state === 'closed') return true;
    if (this.#state === 'open') return nowMs >= this.#openUntilMs;
    return this.#probes < this.#config.probes;
  }

  /** A request that was allowed goes out; its ticket is above 0 when it is a probe. */
  begin(nowMs: number): number {
    if (this.#state === 'open' && nowMs >= this.#openUntilMs) this.#halfOpen();
    if (this.#state !== 'half-open') return 0;
    this.#probes += 1;
    return this.#round;
  }

  /** How a request ended; null: it says nothing of the instance. True when this opened it. */
  end(ok: boolean | null, ticket: number, nowMs: number): boolean {
    if (ticket > 0 && this.#state === 'half-open' && ticket === this.#round) {
      this.#probes -= 1;
      if (ok === null) return false;
      return this.#endProbe(ok, nowMs);
    }
    if (ok === null) return false;
    if (ok) this.#successes += 1;
    else this.#failures += 1;
    if (this.#state !== 'closed') return false;
    if (ok) {
      this.#row.success();
      this.#window.success(CircuitState.Closed);
      return false;
    }
    const isRow = this.#row.failure();
    const isRate = this.#window.failure(CircuitState.Closed);
    if (isRow || isRate) this.#open(nowMs);
    return isRow || isRate;
  }

  /** An active check has found the instance well again: probes may go out now. */
  invite(): void {
    if (this.#state === 'open') this.#halfOpen();
  }

  /** An operator closes it. */
  reset(): void {
    this.#state = 'closed';
    this.#row = this.#newRow();
    this.#window = this.#newWindow();
  }

  figures(nowMs: number): BreakerFigures {
    return {
      state: this.#state,
      opened: this.#opened,
      failures: this.#failures,
      successes: this.#successes,
      openForMs: this.#state === 'open' ? Math.max(0, this.#openUntilMs - nowMs) : 0,
    };
  }

  #endProbe(ok: boolean, nowMs: number): boolean {
    if (!ok) {
      this.#failures += 1;
      this.#open(nowMs);
      return true;
    }
    this.#successes += 1;
    this.#probeSuccesses += 1;
    if (this.#probeSuccesses >= this.#config.successes) this.reset();
    return false;
  }

  #open(nowMs: number): void {
    this.#state = 'open';
    this.#openUntilMs = nowMs + this.#config.openMs;
    this.#opened += 1;
  }

  #halfOpen(): void {
    this.#state = 'half-open';
    this.#round += 1;
    this.#probes = 0;
    this.#probeSuccesses = 0;
  }

  #newRow(): ConsecutiveBreaker {
    return new ConsecutiveBreaker(this.#config.failures);
  }

  #newWindow(): CountBreaker {
    const { failureRate: threshold, window: size, callsMin } = this.#config;
    const minimumNumberOfCalls = Math.min(callsMin, size);
    return new CountBreaker({
      threshold: Math.min(0.999, Math.max(0.001, threshold)),
      size,
      minimumNumberOfCalls,
    });
  }
}
