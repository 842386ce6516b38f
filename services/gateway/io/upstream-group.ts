/** The instances of one upstream group, the choice among them, and what becomes of requests. */
import type { Logger } from '../../../shared/logging/logger.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { GroupConfig } from '../config.ts';
import { admits, initialLimit, recordLatency, type LimitState } from '../core/concurrency-limit.ts';
import { outliersOf } from '../core/success-rate.ts';
import {
  capable,
  createChooser,
  eligible,
  usabilityOf,
  type Chooser,
} from '../core/upstream-choice.ts';
import { UpstreamChecks } from './upstream-checks.ts';
import { UpstreamInstance, type InstanceTarget, type Waiting } from './upstream-instance.ts';

export interface GroupContext {
  readonly name: string;
  readonly config: GroupConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly zone: string | null;
  /** Whether the retry budget has one more. */
  readonly mayRetry: () => boolean;
}

/** A request at an instance, from sending to its last byte. */
export interface Ticket {
  readonly instance: UpstreamInstance;
  readonly probe: number;
  isSettled: boolean;
  isReleased: boolean;
}

export class UpstreamGroup {
  readonly name: string;
  readonly config: GroupConfig;
  readonly #context: GroupContext;
  readonly #chooser: Chooser;
  readonly #checks: UpstreamChecks;
  #instances: readonly UpstreamInstance[] = [];
  /** Left the group with requests under way. */
  readonly #leaving = new Set<UpstreamInstance>();
  #inFlight = 0;
  #judgedAtMs: number;
  #limit: LimitState | null;

  constructor(context: GroupContext) {
    this.name = context.name;
    this.config = context.config;
    this.#context = context;
    this.#judgedAtMs = context.clock.monotonicMs();
    this.#chooser = createChooser(context.config.algorithm);
    this.#checks = new UpstreamChecks(context, (instance) => this.mayEject(instance));
    const { concurrency } = context.config;
    this.#limit = concurrency === undefined ? null : initialLimit(concurrency);
  }

  get instances(): readonly UpstreamInstance[] {
    return this.#instances;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Requests that may be under way at once; null: no limit. */
  get limit(): number | null {
    return this.#limit === null ? null : Math.floor(this.#limit.limit);
  }

  async stop(): Promise<void> {
    const all = [...this.#instances, ...this.#leaving];
    await Promise.all([this.#checks.stop(), ...all.map(({ client }) => client.destroy())]);
  }

  /** The instances from now on; known ones keep what is known of them, new ones start slowly. */
  setTargets(targets: readonly InstanceTarget[]): void {
    const known = new Map(this.#instances.map((instance) => [instance.id, instance]));
    const isFirst = known.size === 0;
    const slowSinceMs = isFirst ? -Infinity : this.#context.clock.monotonicMs();
    const next = new Map<string, UpstreamInstance>();
    for (const target of targets) {
      if (next.has(target.url)) continue;
      const instance = known.get(target.url) ?? new UpstreamInstance(target, this, slowSinceMs);
      instance.target = target;
      next.set(target.url, instance);
      if (!known.has(target.url)) this.#checks.watch(instance);
    }
    this.#instances = [...next.values()];
    for (const instance of known.values()) if (!next.has(instance.id)) this.#dismiss(instance);
  }

  /** Whether anything here may take a request. */
  isUsable(): boolean {
    this.#setTime();
    return this.#instances.some((instance) => usabilityOf(instance) === 'usable');
  }

  /** Whether every instance is there and only its breaker keeps requests away. */
  isOpen(): boolean {
    this.#setTime();
    return this.#instances.length > 0 && this.#instances.every(({ isClosed }) => !isClosed);
  }

  /** Whether the bulkhead and the adaptive limit let one more request in. */
  hasRoom(): boolean {
    if (this.#inFlight >= this.config.requestsMax) return false;
    return this.#limit === null || admits(this.#limit, this.#inFlight);
  }

  /**
   * An instance for a request that `needs` capabilities, other than those `tried` if there is
   * another; null: none at all.
   */
  choose(
    tried: ReadonlySet<string>,
    key: string,
    needs: readonly string[],
  ): { readonly instance: UpstreamInstance; readonly isPanic: boolean } | null {
    this.#setTime();
    const able = capable(this.#instances, needs);
    const { instances, isPanic } = eligible(able, tried, this.#context.zone);
    const draw = { first: Math.random(), second: Math.random(), key };
    const index = instances.length === 0 ? 0 : this.#chooser.choose(instances, draw);
    const instance = instances[index];
    return instance === undefined ? null : { instance, isPanic };
  }

  /** The instance of that id while it may be used for what `needs` asks. */
  usable(id: string, needs: readonly string[]): UpstreamInstance | null {
    this.#setTime();
    const able = capable(this.#instances, needs);
    const instance = able.find((candidate) => candidate.id === id);
    return instance !== undefined && usabilityOf(instance) === 'usable' ? instance : null;
  }

  /** A request goes out to `instance`. */
  begin(instance: UpstreamInstance, waiting: Waiting): Ticket {
    instance.inFlight += 1;
    this.#inFlight += 1;
    instance.waiting.add(waiting);
    const probe = instance.breaker.begin(instance.nowMs);
    return { instance, probe, isSettled: false, isReleased: false };
  }

  /**
   * What the request says of its instance: `ok` null says nothing (the client left); `headMs` is
   * the time to the reply head, null when none came. Only the first word counts.
   */
  settle(ticket: Ticket, ok: boolean | null, headMs: number | null): void {
    if (ticket.isSettled) return;
    ticket.isSettled = true;
    const { instance } = ticket;
    const ms = this.#context.clock.monotonicMs();
    const facts = { group: this.name, upstream: instance.id };
    if (instance.breaker.end(ok, ticket.probe, ms)) {
      this.#context.logger.warn(facts, 'breaker opened');
    }
    if (ok === null) return;
    const { concurrency } = this.config;
    if (this.#limit !== null && concurrency !== undefined) {
      const reply = { latencyMs: ok ? headMs : null, inFlight: this.#inFlight };
      this.#limit = recordLatency(this.#limit, reply, concurrency);
    }
    const mayEject = !ok && this.mayEject(instance);
    if (instance.recordOutcome({ ok, headMs, mayEject, nowMs: ms })) {
      this.#context.logger.warn(facts, 'upstream ejected');
    }
    if (!ok) this.#checks.hurry(instance);
    if (ms - this.#judgedAtMs >= this.config.passiveCheck.successMs) this.#judge(ms);
  }

  /** The request no longer waits for its head. */
  headArrived(ticket: Ticket, waiting: Waiting): void {
    ticket.instance.waiting.delete(waiting);
  }

  /** The request is over at its instance. */
  release(ticket: Ticket, waiting: Waiting): void {
    if (ticket.isReleased) return;
    ticket.isReleased = true;
    const { instance } = ticket;
    instance.waiting.delete(waiting);
    instance.inFlight -= 1;
    this.#inFlight -= 1;
    if (instance.inFlight === 0 && this.#leaving.delete(instance)) void instance.client.destroy();
  }

  /** Whether one more ejection leaves enough of the group. */
  mayEject(instance: UpstreamInstance): boolean {
    const ejected = this.#instances.filter((other) => other !== instance && other.isEjected).length;
    const { ejectedShareMax } = this.config.passiveCheck;
    return ejected + 1 <= this.#instances.length * ejectedShareMax;
  }

  /** Ejects who fails much more often than the others, and counts anew. */
  #judge(nowMs: number): void {
    this.#judgedAtMs = nowMs;
    const counts = this.#instances.map(({ id, calls }) => ({ id, ...calls }));
    for (const { calls } of this.#instances) Object.assign(calls, { ok: 0, all: 0 });
    for (const id of outliersOf(counts, this.config.passiveCheck)) {
      const instance = this.#instances.find((candidate) => candidate.id === id);
      if (instance === undefined || instance.isEjected || !this.mayEject(instance)) continue;
      instance.eject(nowMs);
      const facts = { group: this.name, upstream: id };
      this.#context.logger.warn(facts, 'upstream ejected, it fails more often than the others');
    }
  }

  #dismiss(instance: UpstreamInstance): void {
    this.#checks.forget(instance);
    if (instance.inFlight === 0) void instance.client.destroy();
    else this.#leaving.add(instance);
  }

  #setTime(): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const instance of this.#instances) instance.nowMs = nowMs;
  }
}
