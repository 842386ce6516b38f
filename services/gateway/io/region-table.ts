/**
 * What this gateway knows of every region: health as seen over the path that users take, measured
 * round trips, drain state from the region's controller. Other regions' gateways are reached here.
 */
import { Agent, request } from 'undici';
import type { ClusterBase, RegionConfig } from '../../../shared/config/cluster-schema.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { messageOf } from '../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { RegionControl } from '../../../shared/ports/region-control.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import type { GatewayConfig } from '../config.ts';
import { nextCheckMs, recordCheck, type HealthState } from '../core/health-threshold.ts';
import type { RegionFacts } from '../core/route-decision.ts';
import {
  connectorOf,
  createUpstreamClient,
  type UpstreamClient,
  type UpstreamTls,
} from './upstream-client.ts';

export interface RegionTableOptions {
  readonly cluster: ClusterBase;
  readonly region: RegionId;
  readonly config: () => GatewayConfig['regions'];
  /** How the gateways' listeners are secured, the same in every region; null: not at all. */
  readonly tls: UpstreamTls | null;
  readonly regionControl: RegionControl;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface RegionProbe {
  readonly isHealthy: boolean;
  /** Results in a row that contradict the verdict. */
  readonly contrary: number;
  /** Since the last result; null: there was none yet. */
  readonly ageMs: number | null;
  /** Of the last one; null when it was good. */
  readonly why: string | null;
}

interface RegionEntry {
  readonly config: RegionConfig;
  readonly origin: string;
  readonly client: UpstreamClient;
  health: HealthState;
  probedAtMs: number | null;
  why: string | null;
  /** The newest samples; the smallest counts, so that one slow reply moves nothing. */
  latencies: readonly number[];
  /** What its gateway said last of its load, and when. */
  load: { readonly value: number; readonly atMs: number } | null;
  /** Until the next probe, from the last one. */
  pauseMs: number;
  wake: AbortController;
}

const samplesKept = 6;
const probeConnectMs = 5000;
/** What a gateway said of its load counts for this long. */
const loadMs = 5000;
/** The facts are made anew this often: loads move without an event. */
const factsMs = 200;

export class RegionTable {
  readonly #options: RegionTableOptions;
  readonly #entries: ReadonlyMap<RegionId, RegionEntry>;
  readonly #agent: Agent;
  readonly #stop = new AbortController();
  readonly #ownLoad: () => number;
  #facts: readonly RegionFacts[] = [];
  #isStale = true;
  #factsAtMs = 0;

  /** `ownLoad` is asked for the own region: 0 to 1 and above. */
  constructor(options: RegionTableOptions, ownLoad: () => number) {
    this.#options = options;
    this.#ownLoad = ownLoad;
    const connect = connectorOf({ connectMs: probeConnectMs, tls: options.tls });
    this.#agent = new Agent({ connections: 1, pipelining: 1, allowH2: false, connect });
    this.#entries = new Map(
      options.cluster.regions.map((config) => [config.id, entryOf(config, options)]),
    );
    options.regionControl.onChange(() => {
      this.#isStale = true;
      this.#hurry();
    });
  }

  /** Begins probing the other regions. */
  start(): void {
    for (const entry of this.#entries.values()) {
      if (entry.config.id !== this.#options.region) void this.#probeForEver(entry);
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    const clients = [...this.#entries.values()].map(({ client }) => client.destroy());
    await Promise.all([this.#agent.destroy(), ...clients]);
  }

  /** The latest facts; the same object until something changes. */
  facts(): readonly RegionFacts[] {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#isStale || nowMs - this.#factsAtMs > factsMs) {
      const facts = this.#makeFacts(nowMs);
      if (!isSame(this.#facts, facts)) this.#facts = facts;
      this.#factsAtMs = nowMs;
      this.#isStale = false;
    }
    return this.#facts;
  }

  /** Load of the own region's gateway, as it is told to others. */
  ownLoad(): number {
    return this.#ownLoad();
  }

  /** Another region's gateway has said how loaded it is. */
  noteLoad(region: RegionId, load: number): void {
    const entry = this.#entries.get(region);
    if (entry === undefined || !Number.isFinite(load)) return;
    entry.load = { value: load, atMs: this.#options.clock.monotonicMs() };
  }

  /** Connections to the gateway of another region. */
  clientOf(region: RegionId): UpstreamClient | null {
    return this.#entries.get(region)?.client ?? null;
  }

  /** Where clients reach `region` by themselves. */
  publicUrlOf(region: RegionId): string {
    const configured = this.#options.config().publicUrls[region]?.replace(/\/$/, '');
    return configured ?? this.#entries.get(region)?.origin ?? '';
  }

  /** How probes of `region` went of late; null for the own region, which is not probed. */
  probeOf(region: RegionId): RegionProbe | null {
    const entry = this.#entries.get(region);
    if (entry === undefined || region === this.#options.region) return null;
    const { health, probedAtMs, why } = entry;
    const nowMs = this.#options.clock.monotonicMs();
    const ageMs = probedAtMs === null ? null : Math.round(nowMs - probedAtMs);
    return { isHealthy: health.isHealthy, contrary: health.contrary, ageMs, why };
  }

  /** A request could not get to `region`: it is probed at once. */
  suspect(region: RegionId): void {
    this.#entries.get(region)?.wake.abort();
  }

  #makeFacts(nowMs: number): readonly RegionFacts[] {
    const { region, regionControl } = this.#options;
    const reports = new Map(regionControl.view().reports.map((report) => [report.id, report]));
    return [...this.#entries.values()].map(({ config, health, latencies, load }) => ({
      id: config.id,
      location: config.location,
      isHealthy: config.id === region || health.isHealthy,
      isDraining: reports.get(config.id)?.isAccepting === false,
      load:
        config.id === region
          ? hundredths(this.#ownLoad())
          : load !== null && nowMs - load.atMs < loadMs
            ? hundredths(load.value)
            : null,
      latencyMs: latencies.length === 0 ? null : Math.min(...latencies),
    }));
  }

  async #probeForEver(entry: RegionEntry): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const { probe } = this.#options.config();
      const before = entry.health;
      const latencyMs = await this.#probe(entry);
      if (this.#stop.signal.aborted) return;
      entry.health = recordCheck(before, latencyMs !== null, probe);
      entry.probedAtMs = this.#options.clock.monotonicMs();
      if (latencyMs !== null) {
        entry.latencies = [latencyMs, ...entry.latencies].slice(0, samplesKept);
      }
      if (entry.health.isHealthy !== before.isHealthy) {
        const message = entry.health.isHealthy ? 'region is healthy' : 'region is unhealthy';
        this.#options.logger.warn({ of: entry.config.id }, message);
      }
      this.#isStale = true;
      entry.wake = new AbortController();
      entry.pauseMs = nextCheckMs(entry.health, probe, this.#isDoubted(entry));
      await sleep(entry.pauseMs, AbortSignal.any([entry.wake.signal, this.#stop.signal]));
    }
  }

  /** Regions whose controllers say other than the last probe are not left to the next interval. */
  #hurry(): void {
    const { recheckMs } = this.#options.config().probe;
    for (const entry of this.#entries.values()) {
      if (entry.pauseMs > recheckMs && this.#isDoubted(entry)) entry.wake.abort();
    }
  }

  /** Whether the controllers hear the region while probes fail, or the other way round. */
  #isDoubted({ config, health }: RegionEntry): boolean {
    const { reports } = this.#options.regionControl.view();
    const report = reports.find(({ id }) => id === config.id);
    const isHeard = report !== undefined && report.health !== 'unreachable';
    return isHeard !== health.isHealthy;
  }

  /** Milliseconds that a ready region took to say so; null when it did not. */
  async #probe(entry: RegionEntry): Promise<number | null> {
    const startMs = this.#options.clock.monotonicMs();
    try {
      const reply = await request(new URL('/health/ready', entry.origin), {
        dispatcher: this.#agent,
        headers: { 'user-agent': 'meridian-region-probe' },
        signal: AbortSignal.timeout(this.#options.config().probe.timeoutMs),
      });
      await reply.body.dump();
      entry.why = reply.statusCode === 200 ? null : `status ${String(reply.statusCode)}`;
      return entry.why === null ? this.#options.clock.monotonicMs() - startMs : null;
    } catch (error) {
      entry.why = messageOf(error);
      return null;
    }
  }
}

/** Whether two lists of facts lead to the same decisions. */
function isSame(one: readonly RegionFacts[], other: readonly RegionFacts[]): boolean {
  if (one.length !== other.length) return false;
  return one.every((facts, at) => {
    const next = other[at];
    return (
      facts.id === next?.id &&
      facts.isHealthy === next.isHealthy &&
      facts.isDraining === next.isDraining &&
      facts.load === next.load &&
      facts.latencyMs === next.latencyMs
    );
  });
}

/** Loads are told apart by the hundredth, so that facts stay the same while little changes. */
function hundredths(load: number): number {
  return Math.round(load * 100) / 100;
}

/** Open streams keep a connection each: that region's own limits are to be met first. */
const regionConnectionsMax = 10_000;

function entryOf(config: RegionConfig, options: RegionTableOptions): RegionEntry {
  const { tls } = options;
  const scheme = tls === null ? 'http' : 'https';
  const origin = `${scheme}://${config.host}:${String(gatewayPortOf(config))}`;
  return {
    config,
    origin,
    client: createUpstreamClient({
      origin,
      connectionsMax: regionConnectionsMax,
      connectMs: 2000,
      tls,
    }),
    // Nothing is known yet: the first good probe is enough.
    health: { isHealthy: false, contrary: options.config().probe.healthyAfter - 1 },
    probedAtMs: null,
    why: null,
    latencies: [],
    load: null,
    pauseMs: 0,
    wake: new AbortController(),
  };
}

/** Public port of the process that runs the region's gateway. */
export function gatewayPortOf(region: RegionConfig): number {
  const split = region.processes.find(({ services }) => services.includes('gateway'));
  return (split?.listeners ?? region.listeners).public;
}
