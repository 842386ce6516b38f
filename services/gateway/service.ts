/**
 * The gateway of a region: takes every request that is not the data API's, finds the region and
 * the upstream for it, and passes it on.
 */
import type { FastifyPluginCallback } from 'fastify';
import { requireScope } from '../../shared/auth/require-scope.ts';
import type { ClusterBase } from '../../shared/config/cluster-schema.ts';
import { regionOfConfig } from '../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../shared/core/region.ts';
import type { Readiness } from '../../shared/http/health-routes.ts';
import type { Logger } from '../../shared/logging/logger.ts';
import type { Metrics } from '../../shared/metrics/metrics.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { RegionControl } from '../../shared/ports/region-control.ts';
import { sleep } from '../../shared/runtime/sleep.ts';
import { createTokenSigner } from '../../shared/runtime/token-signer.ts';
import type { GatewayConfig } from './config.ts';
import { createRetryBudget } from './core/retry-budget.ts';
import { explainRoute, listRoutes, listUpstreams } from './explain.ts';
import { adminRoutes } from './http/admin-routes.ts';
import { proxyRoutes, type RawExchange } from './http/proxy-routes.ts';
import { createAddressList } from './io/address-list.ts';
import { createGatewayMeters } from './io/gateway-meters.ts';
import { createGeoLocator } from './io/geo-locator.ts';
import { RegionTable } from './io/region-table.ts';
import { UpstreamGroup } from './io/upstream-group.ts';
import { RequestFlow } from './request-flow.ts';
import type { GatewayRuntime } from './runtime.ts';

export interface GatewayDependencies {
  readonly config: GatewayConfig;
  readonly secrets: Secrets;
  readonly cluster: ClusterBase;
  readonly region: RegionId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly regionControl: RegionControl;
}

export interface GatewayService {
  start(): Promise<void>;
  /** Ends keep-alive, waits for what is under way, bounded by `gateway.drainMs`. */
  drain(): Promise<void>;
  stop(): Promise<void>;
  readiness(): Promise<Readiness>;
  readonly plugins: {
    readonly public: FastifyPluginCallback;
    readonly admin: FastifyPluginCallback;
  };
}

/** Nothing is connected and no table loaded before `start`. */
export function createGatewayService(dependencies: GatewayDependencies): GatewayService {
  let runtime: GatewayRuntime | null = null;
  let isDraining = false;
  let inFlight = 0;

  const handle = (exchange: RawExchange): void => {
    if (runtime === null) {
      exchange.reply.writeHead(503, { 'retry-after': '1' }).end();
      return;
    }
    const { meters } = runtime;
    inFlight += 1;
    meters.setInFlight(inFlight);
    new RequestFlow(runtime, { ...exchange, isLast: isDraining }, () => {
      inFlight -= 1;
      meters.setInFlight(inFlight);
    }).start();
  };

  return {
    async start() {
      runtime = await createRuntime(dependencies);
      for (const group of runtime.groups.values()) group.start();
      runtime.regions.start();
    },
    async drain() {
      isDraining = true;
      const endMs = dependencies.clock.monotonicMs() + dependencies.config.drainMs;
      while (inFlight > 0 && dependencies.clock.monotonicMs() < endMs) await sleep(20);
    },
    async stop() {
      const old = runtime;
      runtime = null;
      if (old === null) return;
      await Promise.all([...old.groups.values()].map((group) => group.stop()));
      await old.regions.stop();
    },
    readiness: () => Promise.resolve(readinessOf(runtime, isDraining)),
    plugins: {
      public: proxyRoutes(handle),
      admin: adminRoutes({
        requireViewer: requireScope(
          'admin:viewer',
          dependencies.cluster.clusterId,
          dependencies.secrets.shared.accessKeys,
        ),
        explain: (question) => (runtime === null ? null : explainRoute(runtime, question)),
        routes: () => (runtime === null ? [] : listRoutes(runtime)),
        upstreams: () => (runtime === null ? [] : listUpstreams(runtime)),
      }),
    },
  };
}

async function createRuntime(given: GatewayDependencies): Promise<GatewayRuntime> {
  const { config, cluster, region, clock, regionControl } = given;
  const logger = given.logger.child({ component: 'gateway' });
  const { host } = regionOfConfig(cluster, region);
  const groups = Object.entries(config.groups).map(([name, group]) => {
    const targets = group.targets
      .filter((target) => target.regions.length === 0 || target.regions.includes(region))
      .map(({ url, weight, zone }) => ({
        url: url.replace('{host}', host),
        weight,
        zone: zone ?? null,
      }));
    const context = { name, config: group, clock, logger, zone: null };
    return [name, new UpstreamGroup(context, targets)] as const;
  });
  return {
    config,
    region,
    clock,
    logger,
    accessLog: given.logger.child({ component: 'access' }),
    trusted: createAddressList(config.trustedProxies),
    groups: new Map(groups),
    regions: new RegionTable({
      cluster,
      region,
      config: config.regions,
      regionControl,
      clock,
      logger,
    }),
    geo: await createGeoLocator(),
    hopSigner: createTokenSigner(given.secrets.shared.peerKeys),
    retryBudget: createRetryBudget(config.retryBudget),
    meters: createGatewayMeters(given.metrics),
  };
}

function readinessOf(runtime: GatewayRuntime | null, isDraining: boolean): Readiness {
  const isLoaded = runtime !== null;
  const down = [...(runtime?.groups.values() ?? [])].filter((group) => !group.isUsable());
  const checks = [
    {
      name: 'gateway-routes',
      ok: isLoaded && !isDraining,
      degradedOnly: false,
      detail: isLoaded ? `${String(runtime.config.routes.length)} routes` : 'not loaded yet',
    },
    {
      name: 'gateway-upstreams',
      ok: down.length === 0,
      degradedOnly: true,
      detail: down.length === 0 ? 'all groups' : `down: ${down.map(({ name }) => name).join(', ')}`,
    },
  ];
  return { ready: isLoaded && !isDraining, checks };
}
