/**
 * Builds what requests work with from the configuration, and builds it anew when the
 * configuration changes: groups that stay the same keep their connections and what they know.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { regionOfConfig, type ClusterBase } from '../../shared/config/cluster-schema.ts';
import type { RegionConfig } from '../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../shared/config/secrets-schema.ts';
import { MeridianError, messageOf } from '../../shared/errors/meridian-error.ts';
import type { RegionId } from '../../shared/core/region.ts';
import { createLineLog } from '../../shared/logging/line-log.ts';
import type { Logger } from '../../shared/logging/logger.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { RegionControl } from '../../shared/ports/region-control.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import { createTokenSigner } from '../../shared/runtime/token-signer.ts';
import { gatewayConfigSchema, type GatewayConfig, type GroupConfig } from './config.ts';
import { HopLedger } from './core/edge/hop-ledger.ts';
import { hopAgeMsMax } from './core/hop.ts';
import { createRetryBudget, type RetryBudget } from './core/retry-budget.ts';
import { DecisionMemo } from './decision-memo.ts';
import { createAddressList } from './io/address-list.ts';
import { createAuthenticator } from './io/authenticator.ts';
import { Deadlines } from './io/deadlines.ts';
import type { GatewayMeters } from './io/gateway-meters.ts';
import type { GeoLocator } from './io/geo-locator.ts';
import { createInstanceRegistry } from './io/instance-registry.ts';
import type { TlsConfig } from './io/listener/certificate.ts';
import type { PeerEnd } from './io/listener/proxied-peers.ts';
import { createRateLimiter } from './io/rate-limiter.ts';
import { RegionTable } from './io/region-table.ts';
import { createSessionStore } from './io/session-store.ts';
import { followTargets, type TargetSource } from './io/target-source.ts';
import type { UpstreamTls } from './io/upstream-client.ts';
import { UpstreamGroup } from './io/upstream-group.ts';
import type { InstanceTarget } from './io/upstream-instance.ts';
import type { GatewayRuntime, Route } from './runtime.ts';

export interface RuntimeInputs {
  readonly cluster: ClusterBase;
  readonly secrets: Secrets;
  readonly region: RegionId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly regionControl: RegionControl;
  /** Null: limits, sessions and the registry do without. */
  readonly redis: RedisClient | null;
  /** Set in a process without a router: its paths are passed to a router of the own region. */
  readonly dataApiPrefix?: string | null;
}

/** Parts that outlive a change of the configuration. */
export interface RuntimeParts {
  readonly geo: GeoLocator;
  readonly meters: GatewayMeters;
  readonly inFlight: () => number;
  readonly peerOf: (end: PeerEnd) => string;
}

interface Kept {
  readonly config: GroupConfig;
  readonly group: UpstreamGroup;
  readonly source: TargetSource;
}

/** The group and route of the data API in a process without a router. */
const routerGroup = 'meridian-router';

export class RuntimeBuilder {
  readonly #inputs: RuntimeInputs;
  readonly #parts: RuntimeParts;
  readonly #logger: Logger;
  readonly #stable: Pick<
    GatewayRuntime,
    | 'region'
    | 'clock'
    | 'logger'
    | 'accessLog'
    | 'signer'
    | 'hops'
    | 'rateLimiter'
    | 'sessions'
    | 'regions'
    | 'registry'
    | 'deadlines'
  >;
  readonly #kept = new Map<string, Kept>();
  #config: GatewayConfig;
  #retryBudget: RetryBudget;

  constructor(config: GatewayConfig, inputs: RuntimeInputs, parts: RuntimeParts) {
    this.#config = config;
    this.#retryBudget = createRetryBudget(config.retryBudget);
    this.#inputs = inputs;
    this.#parts = parts;
    const { cluster, region, clock, regionControl, redis } = inputs;
    const logger = inputs.logger.child({ component: 'gateway' });
    this.#logger = logger;
    this.#followGeo();
    const load = (): number => parts.inFlight() / this.#config.regions.fullLoad;
    const { tls } = config;
    const table = {
      ...{ cluster, region, regionControl, clock, logger },
      tls: tls === undefined ? null : regionsTls(tls),
    };
    this.#stable = {
      region,
      clock,
      logger,
      accessLog: createLineLog(inputs.logger.child({ component: 'access' })),
      deadlines: new Deadlines(clock),
      signer: createTokenSigner(inputs.secrets.shared.peerKeys),
      hops: new HopLedger(randomUUID(), 2 * hopAgeMsMax),
      rateLimiter: createRateLimiter(redis, clock, logger),
      sessions: createSessionStore(redis, clock),
      registry: redis === null ? null : createInstanceRegistry(redis),
      regions: new RegionTable({ ...table, config: () => this.#config.regions }, load),
    };
  }

  #followGeo(): void {
    this.#parts.geo.follow((error) => {
      if (error === null) this.#logger.info('geo data reloaded');
      else this.#logger.warn({ why: error.message }, 'geo data kept, the new ones are broken');
    });
  }

  /** The runtime for `config`; groups that are no longer named end when they are idle. */
  build(config: GatewayConfig): GatewayRuntime {
    if (config.retryBudget !== this.#config.retryBudget) {
      this.#retryBudget = createRetryBudget(config.retryBudget);
    }
    this.#config = config;
    const { secrets, cluster, clock } = this.#inputs;
    const groups = this.#groups(config);
    const authenticator = createAuthenticator({
      config,
      clusterId: cluster.clusterId,
      accessKeys: secrets.shared.accessKeys,
      nowMs: () => clock.wallMs(),
    });
    return {
      ...this.#stable,
      config,
      authenticator,
      groups,
      trusted: createAddressList(config.trustedProxies),
      routes: this.#routes(config),
      decisions: new DecisionMemo(config.regions.spillAbove),
      geo: this.#parts.geo,
      meters: this.#parts.meters,
      peerOf: this.#parts.peerOf,
      retryBudget: this.#retryBudget,
    };
  }

  async stop(): Promise<void> {
    const all = [...this.#kept.values()];
    for (const { source } of all) source.stop();
    await Promise.all(all.map(({ group }) => group.stop()));
    this.#parts.geo.stop();
    await this.#stable.regions.stop();
    this.#stable.accessLog.stop();
  }

  #routes(config: GatewayConfig): readonly Route[] {
    const prefix = this.#inputs.dataApiPrefix ?? null;
    const routes = config.routes.map((route) => routeOf(route, false));
    if (prefix === null) return routes;
    const section = gatewayConfigSchema.parse({
      groups: { [routerGroup]: {} },
      routes: [{ id: routerGroup, group: routerGroup, match: { path: prefix } }],
    });
    const [own] = section.routes;
    if (own === undefined) return routes;
    // The router retries, forwards and times out by itself.
    const alone = { ...own, crossRegion: 'never' as const, retry: { ...own.retry, statuses: [] } };
    return [routeOf(alone, true), ...routes];
  }

  #groups(config: GatewayConfig): ReadonlyMap<string, UpstreamGroup> {
    const wanted = new Map(Object.entries(config.groups));
    if ((this.#inputs.dataApiPrefix ?? null) !== null) {
      wanted.set(routerGroup, routerGroupConfig(this.#ownRegion()));
    }
    for (const [name, kept] of this.#kept) {
      const next = wanted.get(name);
      if (next !== undefined && isEqual(next, kept.config)) continue;
      this.#kept.delete(name);
      kept.source.stop();
      void this.#retire(kept.group);
    }
    for (const [name, group] of wanted) {
      if (!this.#kept.has(name)) this.#kept.set(name, this.#makeGroup(name, group));
    }
    return new Map([...this.#kept].map(([name, { group }]) => [name, group]));
  }

  #makeGroup(name: string, config: GroupConfig): Kept {
    const { clock, region } = this.#inputs;
    const logger = this.#logger;
    const group = new UpstreamGroup({
      ...{ name, config, clock, logger, zone: config.zone ?? null },
      mayRetry: () => this.#retryBudget.left(clock.monotonicMs()) >= 1,
    });
    const { host } = this.#ownRegion();
    const listed: InstanceTarget[] = config.targets
      .filter(({ regions }) => regions.length === 0 || regions.includes(region))
      .map(({ url, weight, zone, capabilities }) => ({
        url: url.replace('{host}', host),
        ...{ weight, zone: zone ?? null, capabilities, isDraining: false, host: null },
      }));
    const { registry } = this.#stable;
    return { config, group, source: followTargets({ group, listed, registry, logger, clock }) };
  }

  /** Requests under way finish first, within the bound of a drain. */
  async #retire(group: UpstreamGroup): Promise<void> {
    const endMs = this.#inputs.clock.monotonicMs() + this.#config.drainMs;
    while (group.inFlight > 0 && this.#inputs.clock.monotonicMs() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await group.stop();
  }

  #ownRegion(): RegionConfig {
    return regionOfConfig(this.#inputs.cluster, this.#inputs.region);
  }
}

function routeOf(config: GatewayConfig['routes'][number], isOwnOnly: boolean): Route {
  return {
    config,
    match: config.match,
    allowed: config.allow.length === 0 ? null : createAddressList(config.allow),
    denied: config.deny.length === 0 ? null : createAddressList(config.deny),
    isOwnOnly,
  };
}

/** Routers of the own region in other processes; none when no process has one. */
function routerGroupConfig(region: RegionConfig): GroupConfig {
  const split = region.processes.filter(({ services }) => services.includes('router'));
  const targets = split.map(({ listeners }) => ({
    url: `http://{host}:${String(listeners.public)}`,
  }));
  const activeCheck = { path: '/health/ready' };
  const section = gatewayConfigSchema.parse({
    groups: { [routerGroup]: { targets, activeCheck } },
    routes: [],
  });
  const group = section.groups[routerGroup];
  if (group === undefined) throw new RangeError('the router group was not made');
  return group;
}

/** The other regions' listeners are like this one's. */
function regionsTls({ regionsCaPath, regionsName }: TlsConfig): UpstreamTls {
  try {
    const ca = regionsCaPath === undefined ? null : readFileSync(regionsCaPath);
    return { ca, name: regionsName ?? null };
  } catch (error) {
    const message = `gateway.tls.regionsCaPath cannot be read: ${messageOf(error)}`;
    throw new MeridianError('ConfigInvalid', message, {}, error);
  }
}

function isEqual(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
