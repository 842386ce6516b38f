/** Gateways of several regions in this process, on loopback addresses of their own. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { gatewayConfigSchema, type GatewayConfig } from '../../services/gateway/config.ts';
import { createGatewayService, type GatewayService } from '../../services/gateway/service.ts';
import { clusterSchema, type ClusterBase } from '../../shared/config/cluster-schema.ts';
import { secretsSchema, type Secrets } from '../../shared/config/secrets-schema.ts';
import type { ClusterView } from '../../shared/core/cluster-view.ts';
import type { RegionId } from '../../shared/core/region.ts';
import { healthRoutes } from '../../shared/http/health-routes.ts';
import { closeServers, createServer } from '../../shared/http/server.ts';
import { createMetrics, type Metrics } from '../../shared/metrics/metrics.ts';
import type { RegionControl } from '../../shared/ports/region-control.ts';
import type { RedisClient } from '../../shared/redis/client.ts';
import { systemClock } from '../../shared/runtime/system-clock.ts';

/** Real places, so that real addresses can be told apart. */
const places: Readonly<Record<string, { latitude: number; longitude: number }>> = {
  'eu-west': { latitude: 53.35, longitude: -6.26 },
  'us-east': { latitude: 39.04, longitude: -77.49 },
  'ap-south': { latitude: 19.08, longitude: 72.88 },
};

export const publicPort = 7080;
export const adminPort = 7081;

let addressesTaken = 0;

/** `n` addresses of this process alone: no two processes share a network, each is given once. */
export function loopbackAddresses(n: number): readonly string[] {
  const network = process.pid % (170 * 250);
  const prefix = `127.${String(80 + Math.floor(network / 250))}.${String(network % 250)}`;
  return Array.from({ length: n }, () => {
    addressesTaken = (addressesTaken % 253) + 1;
    return `${prefix}.${String(addressesTaken + 1)}`;
  });
}

/** A cluster file for these regions; every name is an address. */
export function testCluster(addresses: Readonly<Record<string, string>>): ClusterBase {
  const ids = Object.keys(addresses);
  const base64Id = (): string => randomBytes(16).toString('base64url');
  return clusterSchema.parse({
    version: 1,
    clusterId: randomUUID(),
    kafka: { clusterId: base64Id() },
    regions: Object.entries(addresses).map(([id, address], index) => ({
      id,
      name: id,
      host: address,
      bind: address,
      location: places[id] ?? { latitude: 0, longitude: index * 30 },
      listeners: { public: publicPort, admin: adminPort, peer: 7082 },
      agentPort: 7083,
      kafka: {
        nodeId: index + 1,
        directoryId: base64Id(),
        isVoter: true,
        clientPort: 9092,
        brokerPort: 9093,
        controllerPort: 9094,
      },
      redis: { port: 6379 },
      nodes: [{ id: `${id}/pg-1`, port: 5432 }],
    })),
    policy: { priority: ids },
  });
}

/** Secrets of one region; pass `shared` of another to let them trust each other. */
export function testSecrets(region: string, shared?: Secrets['shared']): Secrets {
  const text = (): string => randomBytes(32).toString('base64');
  const keySet = (): object => ({ signWith: 'k1', keys: { k1: text() } });
  const postgres = Object.fromEntries(
    ['owner', 'replicator', 'applier', 'router', 'app'].map((role) => [role, text()]),
  );
  return secretsSchema.parse({
    version: 1,
    region,
    shared: shared ?? {
      accessKeys: keySet(),
      positionKeys: keySet(),
      peerKeys: keySet(),
      postgres,
    },
    own: { redisPassword: text(), agentToken: text() },
  });
}

export interface TestGateway {
  readonly region: RegionId;
  readonly origin: string;
  readonly adminOrigin: string;
  readonly service: GatewayService;
  readonly metrics: Metrics;
  readonly secrets: Secrets;
  /** Whether operators let the region take traffic. */
  setAccepting(region: string, isAccepting: boolean): void;
  stop(): Promise<void>;
}

export interface TestGatewayOptions {
  readonly cluster: ClusterBase;
  readonly region: string;
  readonly secrets: Secrets;
  /** The `gateway` section as it would be written in the cluster file. */
  readonly config: unknown;
  readonly redis?: RedisClient;
  /** As in a process without a router. */
  readonly dataApiPrefix?: string;
}

/** A running gateway with its public and admin listeners. */
export async function startTestGateway(options: TestGatewayOptions): Promise<TestGateway> {
  const { cluster, secrets } = options;
  const region = options.region as RegionId;
  const address = cluster.regions.find(({ id }) => id === region)?.bind ?? '127.0.0.1';
  const logger = pino({ level: process.env['GATEWAY_LOG'] ?? 'silent' });
  const metrics = createMetrics();
  const control = staticControl(cluster, region);
  const config = gatewayConfig({ drainNoticeMs: 0, ...(options.config as object) });
  const service = createGatewayService({
    config,
    cluster,
    secrets,
    region,
    clock: systemClock,
    logger,
    metrics,
    regionControl: control,
    redis: options.redis ?? null,
    dataApiPrefix: options.dataApiPrefix ?? null,
  });
  let isDraining = false;
  const health = healthRoutes({
    readiness: () => service.readiness(),
    deep: () => Promise.resolve({}),
    metrics,
    requireViewer: () => Promise.resolve(),
    isDraining: () => isDraining,
  });
  const listen = async (plugin: unknown, port: number): Promise<FastifyInstance> => {
    const serverFactory = port === publicPort ? service.createPublicServer : undefined;
    const limits = { bodyBytesMax: 1_100_000, requestTimeoutMs: 60_000 };
    const server = createServer({ logger, ...limits, serverFactory });
    await server.register(health);
    await server.register(plugin as never);
    const listening = { host: address, port, reusePort: config.reusePort };
    await server.listen(listening);
    return server;
  };
  const servers = [
    await listen(service.plugins.public, publicPort),
    await listen(service.plugins.admin, adminPort),
  ];
  await service.start();
  return {
    region,
    origin: `${config.tls === undefined ? 'http' : 'https'}://${address}:${String(publicPort)}`,
    adminOrigin: `http://${address}:${String(adminPort)}`,
    service,
    metrics,
    secrets,
    setAccepting: control.setAccepting,
    async stop() {
      isDraining = true;
      await service.announceEnd();
      await service.drain();
      await closeServers(servers);
      await service.stop();
    },
  };
}

/** The section with its defaults. */
export function gatewayConfig(section: unknown): GatewayConfig {
  return gatewayConfigSchema.parse(section);
}

function staticControl(
  cluster: ClusterBase,
  region: RegionId,
): RegionControl & { setAccepting(id: string, isAccepting: boolean): void } {
  const listeners = new Set<(view: ClusterView) => void>();
  const refused = new Set<string>();
  const view = (): ClusterView =>
    ({
      region,
      reports: cluster.regions.map(({ id }) => ({ id, isAccepting: !refused.has(id) })),
    }) as unknown as ClusterView;
  return {
    view,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    setAccepting(id, isAccepting) {
      if (isAccepting) refused.delete(id);
      else refused.add(id);
      for (const listener of listeners) listener(view());
    },
  };
}
