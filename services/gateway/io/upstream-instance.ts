/**
 * One upstream instance as this gateway sees it: its connections, requests under way, smoothed
 * latency and what active checks and real requests say of its health.
 */
import type { GroupConfig } from '../config.ts';
import { recordCheck, type HealthState } from '../core/health-threshold.ts';
import * as ejection from '../core/passive-ejection.ts';
import type { Instance } from '../core/upstream-choice.ts';
import { createUpstreamClient, type UpstreamClient } from './upstream-client.ts';

export interface InstanceTarget {
  /** Origin, `http://host:port`; it is the instance's id too. */
  readonly url: string;
  readonly weight: number;
  readonly zone: string | null;
}

/** How much one reply moves the smoothed latency. */
const smoothing = 0.2;
/** Share of its weight that an instance starts with. */
const slowStartFrom = 0.1;

export class UpstreamInstance implements Instance {
  readonly id: string;
  readonly zone: string | null;
  readonly client: UpstreamClient;
  readonly isClosed = true;
  isDraining = false;
  inFlight = 0;
  latencyMs = 0;
  nowMs = 0;
  readonly #config: GroupConfig;
  readonly #baseWeight: number;
  /** The first check decides; until then the instance is taken to be up. */
  #health: HealthState;
  #ejection = ejection.neverEjected;
  #slowSinceMs = -Infinity;

  constructor(target: InstanceTarget, config: GroupConfig) {
    this.id = target.url;
    this.zone = target.zone;
    this.#baseWeight = target.weight;
    this.#config = config;
    this.#health = { isHealthy: true, contrary: config.activeCheck.unhealthyAfter - 1 };
    this.client = createUpstreamClient({
      origin: target.url,
      connectionsMax: config.connectionsMax,
      connectMs: config.connectMs,
    });
  }

  /** The chooser reads this often: `nowMs` is set once per choice by the group. */
  get weight(): number {
    const { slowStartMs } = this.#config;
    const age = this.nowMs - this.#slowSinceMs;
    if (age >= slowStartMs || this.#baseWeight <= 0) return this.#baseWeight;
    return this.#baseWeight * Math.max(slowStartFrom, age / slowStartMs);
  }

  get isUp(): boolean {
    return this.#health.isHealthy;
  }

  get isEjected(): boolean {
    return ejection.isEjected(this.#ejection, this.nowMs);
  }

  get health(): HealthState {
    return this.#health;
  }

  get failures(): number {
    return this.#ejection.failures;
  }

  /** The result of one active check. */
  recordCheck(ok: boolean, nowMs: number): void {
    const before = this.#health;
    this.#health = recordCheck(before, ok, this.#config.activeCheck);
    if (this.#health.isHealthy && !before.isHealthy) this.#slowSinceMs = nowMs;
  }

  /** The outcome of a real request; `headMs` is null when no head came. True: ejected by it. */
  recordOutcome(
    ok: boolean,
    headMs: number | null,
    now: { ms: number; mayEject: boolean },
  ): boolean {
    if (headMs !== null) {
      this.latencyMs =
        this.latencyMs === 0 ? headMs : this.latencyMs + smoothing * (headMs - this.latencyMs);
    }
    const before = this.#ejection;
    const outcome = { ok, mayEject: now.mayEject, nowMs: now.ms };
    this.#ejection = ejection.recordOutcome(before, outcome, this.#config.passiveCheck);
    const isNew = this.#ejection.ejections > before.ejections;
    if (isNew) this.#slowSinceMs = this.#ejection.ejectedUntilMs;
    return isNew;
  }
}
