/** Admission, counting and draining around the routed access, alike for every front end. */
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Metrics } from '../../../shared/metrics/metrics.ts';
import { metricNames } from '../../../shared/metrics/names.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataAccess, DataReply, DataRequest } from '../../../shared/ports/data-access.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import type { RouterConfig } from '../config.ts';
import { decideAdmission } from '../core/admission.ts';

export interface AdmittedAccessOptions {
  readonly config: RouterConfig;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class AdmittedAccess implements DataAccess {
  readonly #inner: DataAccess;
  readonly #options: AdmittedAccessOptions;
  readonly #requests;
  readonly #seconds;
  /** Levels and outcomes are few: each has its counter at hand. */
  readonly #counters = new Map<string, { inc(): void }>();
  readonly #timers = new Map<string, { observe(seconds: number): void }>();
  #inFlight = 0;
  #latencyMs = 5;
  #isDraining = false;

  constructor(inner: DataAccess, options: AdmittedAccessOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#requests = options.metrics.counter(metricNames.routerRequests);
    this.#seconds = options.metrics.histogram(metricNames.routerRequestSeconds, secondsBuckets);
  }

  /** Throws RateLimited above the limit, Draining while stopping, and what routing throws. */
  async run(request: DataRequest): Promise<DataReply> {
    const { config, clock } = this.#options;
    const decision = decideAdmission({
      inFlight: this.#inFlight,
      inFlightMax: config.limits.inFlightMax,
      isDraining: this.#isDraining,
      latencyMs: this.#latencyMs,
    });
    const level = request.consistency.level;
    // What is open already is let come to its end: that frees what others wait for.
    const isOfOpen = request.transaction !== undefined && request.transaction.kind !== 'begin';
    if (decision.kind === 'refuse' && !isOfOpen) {
      const code = this.#isDraining ? 'Draining' : 'RateLimited';
      this.#requests.inc({ level, outcome: code });
      const { retryAfterMs } = decision;
      throw new MeridianError(code, `Nothing was done: ${decision.why}.`, { retryAfterMs });
    }
    this.#inFlight += 1;
    const startedMs = clock.monotonicMs();
    let outcome = 'InternalError';
    try {
      const reply = await this.#inner.run(request);
      outcome = 'ok';
      return reply;
    } catch (error) {
      if (error instanceof MeridianError) outcome = error.code;
      throw error;
    } finally {
      this.#inFlight -= 1;
      const durationMs = clock.monotonicMs() - startedMs;
      this.#latencyMs += (durationMs - this.#latencyMs) * 0.05;
      this.#counted(level, outcome).inc();
      this.#timed(level).observe(durationMs / 1000);
    }
  }

  #counted(level: string, outcome: string): { inc(): void } {
    const key = `${level} ${outcome}`;
    const known = this.#counters.get(key);
    if (known !== undefined) return known;
    const made = this.#requests.labels(level, outcome);
    this.#counters.set(key, made);
    return made;
  }

  #timed(level: string): { observe(seconds: number): void } {
    const known = this.#timers.get(level);
    if (known !== undefined) return known;
    const made = this.#seconds.labels(level);
    this.#timers.set(level, made);
    return made;
  }

  /** Refuses new requests and waits for those under way, at most `ms`. */
  async drain(ms: number): Promise<void> {
    this.#isDraining = true;
    const endMs = this.#options.clock.monotonicMs() + ms;
    while (this.#inFlight > 0 && this.#options.clock.monotonicMs() < endMs) await sleep(10);
  }
}
