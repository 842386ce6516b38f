/**
 * One upstream instance as this gateway sees it: its connections, requests under way, smoothed
 * latency, and what active checks, real requests and its breaker say of its health.
 */
import type { GroupConfig } from '../config.ts';
import { recordCheck, type HealthState } from '../core/health-threshold.ts';
import * as ejection from '../core/passive-ejection.ts';
import type { Instance } from '../core/upstream-choice.ts';
import type { Attempt } from './attempt.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { ConnectionLine } from './http1/connection-line.ts';
import {
  createUpstreamClient,
  type OutgoingRequest,
  type UpstreamClient,
} from './upstream-client.ts';

export interface InstanceTarget {
  /** Origin, `http://host:port`; it is the instance's id too. */
  readonly url: string;
  readonly weight: number;
  readonly zone: string | null;
  readonly capabilities: readonly string[];
  readonly isDraining: boolean;
  /** Host header for upstreams that are addressed by number; null: as in the url. */
  readonly host: string | null;
}

/** A request that waits for its reply head. */
export interface Waiting {
  readonly sentMs: number;
  /** Whether the request may be sent again after `abort`. */
  readonly canRepeat: boolean;
  abort(reason: Error): void;
}

export interface RequestOutcome {
  readonly ok: boolean;
  /** Time to the reply head; null when none came. */
  readonly headMs: number | null;
  /** Whether the group can do without the instance. */
  readonly mayEject: boolean;
  readonly nowMs: number;
}

/** How much one reply moves the smoothed latency. */
const smoothing = 0.2;
/** Share of its weight that an instance starts with. */
const slowStartFrom = 0.1;

export class UpstreamInstance implements Instance {
  readonly id: string;
  /** Group and address, for reply headers and logs. */
  readonly label: string;
  readonly client: UpstreamClient;
  readonly breaker: CircuitBreaker;
  target: InstanceTarget;
  inFlight = 0;
  latencyMs = 0;
  /** Set by the group once per choice: the getters below are read often. */
  nowMs = 0;
  lastReplyMs = 0;
  /** Replies since the success rates were last compared. */
  readonly calls = { ok: 0, all: 0 };
  readonly waiting = new Set<Waiting>();
  readonly #config: GroupConfig;
  readonly #line: ConnectionLine;
  /** The first check decides; until then the instance is taken to be up. */
  #health: HealthState;
  #ejection = ejection.neverEjected;
  #slowSinceMs: number;

  /** `slowSinceMs` is -Infinity for an instance that takes its full share at once. */
  constructor(
    target: InstanceTarget,
    group: { readonly name: string; readonly config: GroupConfig },
    slowSinceMs: number,
  ) {
    const { config } = group;
    this.id = target.url;
    this.label = `${group.name}/${target.url.replace(/^https?:\/\//, '')}`;
    this.target = target;
    this.#config = config;
    this.#slowSinceMs = slowSinceMs;
    this.#health = { isHealthy: true, contrary: config.activeCheck.unhealthyAfter - 1 };
    this.breaker = new CircuitBreaker(config.breaker);
    const { connectionsMax, connectMs } = config;
    const name = target.host === null ? null : new URL(`https://${target.host}`).hostname;
    const tls = { ca: null, name };
    this.client = createUpstreamClient({ origin: target.url, connectionsMax, connectMs, tls });
    this.#line = new ConnectionLine(this.client, config);
  }

  get weight(): number {
    const { slowStartMs } = this.#config;
    const ageMs = this.nowMs - this.#slowSinceMs;
    const { weight } = this.target;
    if (ageMs >= slowStartMs || weight <= 0) return weight;
    return weight * Math.max(slowStartFrom, ageMs / slowStartMs);
  }

  get zone(): string | null {
    return this.target.zone;
  }

  get capabilities(): readonly string[] {
    return this.target.capabilities;
  }

  get isDraining(): boolean {
    return this.target.isDraining;
  }

  get isUp(): boolean {
    return this.#health.isHealthy;
  }

  get isEjected(): boolean {
    return ejection.isEjected(this.#ejection, this.nowMs);
  }

  get isClosed(): boolean {
    return this.breaker.allows(this.nowMs);
  }

  get isFull(): boolean {
    return this.inFlight >= this.#config.connectionsMax;
  }

  /** Sends, when there is a connection; `leave` has to follow. */
  send(outgoing: OutgoingRequest, attempt: Attempt): void {
    this.#line.enter(attempt, outgoing);
  }

  /** An attempt of `send` is over. */
  leave(attempt: Attempt): void {
    this.#line.leave(attempt);
  }

  get health(): HealthState {
    return this.#health;
  }

  /** The result of one active check. */
  recordCheck(ok: boolean, nowMs: number): void {
    const before = this.#health;
    this.#health = recordCheck(before, ok, this.#config.activeCheck);
    if (!this.#health.isHealthy || before.isHealthy) return;
    this.#slowSinceMs = nowMs;
    this.#ejection = { ...this.#ejection, ejectedUntilMs: 0 };
    this.breaker.invite();
  }

  /** The outcome of a real request. True: ejected by it. */
  recordOutcome(outcome: RequestOutcome): boolean {
    this.calls.all += 1;
    if (outcome.ok) this.calls.ok += 1;
    const { headMs, nowMs } = outcome;
    if (headMs !== null) {
      this.lastReplyMs = nowMs;
      this.latencyMs =
        this.latencyMs === 0 ? headMs : this.latencyMs + smoothing * (headMs - this.latencyMs);
    }
    const before = this.#ejection;
    this.#ejection = ejection.recordOutcome(before, outcome, this.#config.passiveCheck);
    return this.#isNewlyEjected(before);
  }

  /** Leaves it alone from now on, for instance because it has stalled. */
  eject(nowMs: number): void {
    const before = this.#ejection;
    this.#ejection = ejection.eject(before, nowMs, this.#config.passiveCheck);
    this.#isNewlyEjected(before);
  }

  #isNewlyEjected(before: ejection.EjectionState): boolean {
    if (this.#ejection.ejections <= before.ejections) return false;
    this.#slowSinceMs = this.#ejection.ejectedUntilMs;
    return true;
  }
}
