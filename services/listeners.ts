/**
 * The three listeners of a Meridian process. Peer: calls between processes, authenticated in every
 * mode. Public: the data API's own paths, then the gateway's ANY. Admin: operators.
 */
import type { FastifyInstance } from 'fastify';
import type { ClusterConfig } from './cluster-config.ts';
import type { Composition } from './composition.ts';
import { requireScope } from '../shared/auth/require-scope.ts';
import type { RegionConfig, ServiceName } from '../shared/config/cluster-schema.ts';
import type { LiveConfig } from '../shared/config/reload.ts';
import type { Secrets } from '../shared/config/secrets-schema.ts';
import { MeridianError } from '../shared/errors/meridian-error.ts';
import {
  healthRoutes,
  inspectionRoutes,
  type HealthOptions,
  type Readiness,
} from '../shared/http/health-routes.ts';
import { limitRate } from '../shared/http/rate-limit.ts';
import { closeServers, createServer, type ServerFactory } from '../shared/http/server.ts';
import type { Logger } from '../shared/logging/logger.ts';
import type { Metrics } from '../shared/metrics/metrics.ts';

export interface ListenerOptions {
  readonly cluster: ClusterConfig;
  readonly region: RegionConfig;
  readonly secrets: Secrets;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly composition: Composition;
  readonly services: readonly ServiceName[];
  readonly isDraining: () => boolean;
  readonly live: LiveConfig<ClusterConfig>;
}

export interface Listeners {
  /** Binds the three ports; throws ConfigInvalid when one is taken. */
  listen(): Promise<void>;
  close(): Promise<void>;
}

const kinds = ['peer', 'admin', 'public'] as const;
const bodyBytesMax = { peer: 16_000_000, admin: 64_000, public: 1_100_000 };

/** Of one address: far above what consoles and scripts need. */
const adminRequestsPerMinute = 6000;

/** Builds the servers and registers every route; nothing listens yet. */
export async function createListeners(options: ListenerOptions): Promise<Listeners> {
  const ports = listenerPorts(options.region, options.services);
  const servers = new Map<(typeof kinds)[number], FastifyInstance>();
  const health = healthOptions(options);
  for (const kind of kinds) {
    const logger = options.logger.child({ component: `${kind}-listener` });
    const limits = { bodyBytesMax: bodyBytesMax[kind], requestTimeoutMs: 60_000 };
    const serverFactory = kind === 'public' ? publicServerOf(options.composition) : undefined;
    const link = kind === 'public' ? {} : { link: kind };
    const server = createServer({ logger, ...limits, serverFactory, ...link });
    if (kind === 'admin') await limitRate(server, adminRequestsPerMinute);
    if (kind !== 'peer') await server.register(healthRoutes(health));
    if (kind === 'admin') await server.register(inspectionRoutes(health));
    for (const plugin of options.composition.extraPlugins[kind]) await server.register(plugin);
    for (const { service } of options.composition.services) {
      const plugin = service.plugins[kind];
      if (plugin !== undefined) await server.register(plugin as never);
    }
    servers.set(kind, server);
  }
  return {
    async listen() {
      const reusePort = mayShare(options);
      for (const [kind, server] of servers) {
        await listenOn(server, { host: options.region.bind, port: ports[kind], reusePort });
      }
    },
    async close() {
      await closeServers([...servers.values()]);
    },
  };
}

/** Of two processes that share ports either may get a request: only gateways are alike enough. */
function mayShare({ cluster, services, logger }: ListenerOptions): boolean {
  if (!cluster.gateway.reusePort || !services.includes('gateway')) return false;
  const others = services.filter((name) => name !== 'gateway');
  if (others.length === 0) return true;
  const why = 'the gateway shares its process with other services';
  logger.warn({ why, services: others }, 'gateway.reusePort has no effect');
  return false;
}

function publicServerOf({ services }: Composition): ServerFactory | undefined {
  return services.find(({ service }) => service.createPublicServer)?.service.createPublicServer;
}

/** The listeners of the process that has these services, else the region's own. */
export function listenerPorts(
  region: RegionConfig,
  services: readonly ServiceName[],
): RegionConfig['listeners'] {
  const own = region.processes.find((process) =>
    process.services.some((name) => services.includes(name)),
  );
  return own?.listeners ?? region.listeners;
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly reusePort: boolean;
}

async function listenOn(server: FastifyInstance, address: Address): Promise<void> {
  const { host, port } = address;
  try {
    await server.listen(address);
  } catch (error) {
    const hint = 'Stop what uses the port, or change the port in the cluster file.';
    throw new MeridianError('ConfigInvalid', `${host}:${port} cannot be bound.`, { hint }, error);
  }
}

function healthOptions(options: ListenerOptions): HealthOptions {
  const { composition, cluster, secrets } = options;
  const readiness = async (): Promise<Readiness> => {
    const all = await Promise.all(composition.services.map(({ service }) => service.readiness()));
    return {
      ready: all.every(({ ready }) => ready),
      checks: [...all.flatMap(({ checks }) => checks), ...(await composition.sharedChecks())],
    };
  };
  return {
    readiness,
    deep: () => Promise.resolve(deepFigures(options)),
    metrics: options.metrics,
    requireViewer: requireScope('admin:viewer', cluster.clusterId, secrets.shared.accessKeys),
    isDraining: options.isDraining,
  };
}

function deepFigures({ composition, live, services }: ListenerOptions): Record<string, unknown> {
  const view = composition.regionControl().view();
  return {
    services,
    pendingRestart: live.pendingRestart(),
    configurationProblem: live.problem(),
    epoch: view.epoch,
    primary: view.primary,
    role: view.role,
    why: view.why,
    members: view.members.map(({ region }) => region),
    isOpen: view.isOpen,
    reports: view.reports,
  };
}
