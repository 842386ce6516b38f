/**
 * The gateway of a region: takes every request that is not the data API's, finds the region and
 * the upstream for it, and passes it on.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { FastifyPluginCallback } from 'fastify';
import { requireScope } from '../../shared/auth/require-scope.ts';
import type { HealthCheck, Readiness } from '../../shared/http/health-routes.ts';
import type { ServerFactory } from '../../shared/http/server.ts';
import type { Service } from '../../shared/http/service.ts';
import type { Metrics } from '../../shared/metrics/metrics.ts';
import { sleep } from '../../shared/runtime/sleep.ts';
import type { GatewayConfig } from './config.ts';
import { explainRoute, listBreakers, listRoutes, listUpstreams, resetBreakers } from './explain.ts';
import { adminRoutes } from './http/admin-routes.ts';
import { directEntry } from './http/direct-entry.ts';
import { proxyRoutes, type RawUpgrade } from './http/proxy-routes.ts';
import type { PeerEnd } from './io/listener/proxied-peers.ts';
import { PublicListener } from './io/listener/public-listener.ts';
import { GatewayMeters } from './io/gateway-meters.ts';
import { createGeoLocator } from './io/geo-locator.ts';
import { register } from './registration.ts';
import { RequestFlow, type FlowOwner } from './request-flow.ts';
import { RuntimeBuilder, type RuntimeInputs } from './runtime-build.ts';
import type { GatewayRuntime } from './runtime.ts';
import { WebSocketFlow } from './web-socket-flow.ts';

export interface GatewayDependencies extends RuntimeInputs {
  readonly config: GatewayConfig;
  readonly metrics: Metrics;
}

export interface GatewayService extends Service {
  createPublicServer: ServerFactory;
  announceEnd(): Promise<void>;
  /** Waits for what is under way, bounded by `gateway.drainMs`. */
  drain(): Promise<void>;
  /** Takes a changed section; requests under way finish as they began. */
  reload(config: GatewayConfig): void;
  readonly plugins: {
    readonly public: FastifyPluginCallback;
    readonly admin: FastifyPluginCallback;
  };
}

/** Nothing is connected and no table loaded before `start`. */
export function createGatewayService(dependencies: GatewayDependencies): GatewayService {
  const gateway = new Gateway(dependencies);
  const { clusterId } = dependencies.cluster;
  const { accessKeys } = dependencies.secrets.shared;
  const whenLoaded = <T>(read: (runtime: GatewayRuntime) => T): T | null => {
    const { runtime } = gateway;
    return runtime === null ? null : read(runtime);
  };
  return {
    start: () => gateway.start(),
    createPublicServer: (handler, patterns) => gateway.createPublicServer(handler, patterns),
    announceEnd: () => gateway.announceEnd(),
    drain: () => gateway.drain(),
    stop: () => gateway.stop(),
    reload: (config) => gateway.reload(config),
    readiness: () => Promise.resolve(gateway.readiness()),
    plugins: {
      public: proxyRoutes({
        handle: (request, reply, requestId) => gateway.handle(request, reply, requestId),
        upgrade: (upgrade) => gateway.upgrade(upgrade),
      }),
      admin: adminRoutes({
        requireViewer: requireScope('admin:viewer', clusterId, accessKeys),
        requireOperator: requireScope('admin:operator', clusterId, accessKeys),
        requireRegister: requireScope('upstream:register', clusterId, accessKeys),
        explain: (question) => whenLoaded((runtime) => explainRoute(runtime, question)),
        routes: () => whenLoaded(listRoutes) ?? [],
        reloadGeo: async () => gateway.runtime?.geo.reload(),
        register: (group, id, facts) => register(gateway.runtime, { group, id }, facts),
        unregister: (group, id) => register(gateway.runtime, { group, id }, null),
        upstreams: () => whenLoaded(listUpstreams) ?? [],
        breakers: () => whenLoaded(listBreakers) ?? [],
        resetBreakers: (id) => whenLoaded((runtime) => resetBreakers(runtime, id)) ?? 0,
      }),
    },
  };
}

const reconnectMsMax = 5000;
/** A certificate that ends within two weeks is shown as degraded. */
const soonMs = 14 * 86_400_000;

class Gateway implements FlowOwner {
  runtime: GatewayRuntime | null = null;
  readonly #dependencies: GatewayDependencies;
  readonly #meters: GatewayMeters;
  readonly #listener: PublicListener;
  #builder: RuntimeBuilder | null = null;
  #config: GatewayConfig;
  /** Settled once requests can be served, or never will be. */
  readonly #loaded = Promise.withResolvers<void>();
  #isStopped = false;
  #isLeaving = false;
  #isDraining = false;
  #inFlight = 0;
  readonly #webSockets = new Set<WebSocketFlow>();

  constructor(dependencies: GatewayDependencies) {
    this.#dependencies = dependencies;
    this.#meters = new GatewayMeters(dependencies.metrics, {
      inFlight: () => this.#inFlight,
      connections: () => this.#listener.connections,
      webSockets: () => this.#webSockets.size,
      upstreams: () => (this.runtime === null ? [] : listUpstreams(this.runtime)),
      regions: () => this.runtime?.regions.facts() ?? [],
    });
    this.#config = dependencies.config;
    this.#listener = new PublicListener({
      config: () => this.#config,
      isTrusted: (address) => this.runtime?.trusted.has(address) === true,
      logger: dependencies.logger.child({ component: 'public-listener' }),
    });
  }

  async start(): Promise<void> {
    const parts = {
      geo: await createGeoLocator(),
      meters: this.#meters,
      inFlight: () => this.#inFlight,
      peerOf: (end: PeerEnd) => this.#listener.peerOf(end),
    };
    const { config } = this.#dependencies;
    this.#builder = new RuntimeBuilder(config, this.#dependencies, parts);
    this.runtime = this.#builder.build(config);
    this.runtime.regions.start();
    this.#loaded.resolve();
  }

  reload(config: GatewayConfig): void {
    if (this.#builder === null) return;
    this.#config = config;
    this.runtime = this.#builder.build(config);
  }

  createPublicServer(handler: RequestListener, patterns: ReadonlySet<string>): Server {
    const handle = this.handle.bind(this);
    return this.#listener.createServer(directEntry(handler, patterns, handle));
  }

  handle(request: IncomingMessage, reply: ServerResponse, requestId: string): void {
    if (this.runtime === null) {
      if (this.#isStopped) reply.writeHead(503, { 'retry-after': '1' }).end();
      // Beside another process that serves, what comes before the start is over waits for it.
      else void this.#loaded.promise.then(() => this.handle(request, reply, requestId));
      return;
    }
    if (reply.destroyed) return;
    this.#inFlight += 1;
    // Node loses a request that came in one packet with one that asks for another protocol.
    const isLast = this.#isLeaving || request.headers.upgrade !== undefined;
    new RequestFlow(this.runtime, { request, reply, requestId, isLast }, this).start();
  }

  onFlowOver(): void {
    this.#inFlight -= 1;
  }

  upgrade(upgrade: RawUpgrade): void {
    if (this.runtime === null && !this.#isStopped) {
      void this.#loaded.promise.then(() => this.upgrade(upgrade));
      return;
    }
    if (this.runtime === null) {
      const head = 'HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close';
      upgrade.socket.on('error', () => undefined);
      upgrade.socket.end(`${head}\r\n\r\n`, () => upgrade.socket.destroy());
      return;
    }
    const flow = new WebSocketFlow(this.runtime, upgrade);
    this.#webSockets.add(flow);
    void flow.run().finally(() => this.#webSockets.delete(flow));
    if (this.#isDraining) flow.drain(Math.random() * reconnectMsMax);
  }

  async announceEnd(): Promise<void> {
    this.#isLeaving = true;
    this.#listener.announceEnd();
    if (this.runtime !== null) await sleep(this.#config.drainNoticeMs);
  }

  async drain(): Promise<void> {
    this.#isLeaving = true;
    this.#isDraining = true;
    this.#listener.finish();
    // Clients come back spread over some seconds, not all at once.
    for (const flow of this.#webSockets) flow.drain(Math.random() * reconnectMsMax);
    const { clock } = this.#dependencies;
    const endMs = clock.monotonicMs() + this.#config.drainMs;
    while (this.#inFlight + this.#webSockets.size > 0 && clock.monotonicMs() < endMs)
      await sleep(20);
  }

  async stop(): Promise<void> {
    this.runtime = null;
    this.#isStopped = true;
    this.#loaded.resolve();
    await this.#builder?.stop();
    this.#builder = null;
  }

  readiness(): Readiness {
    const { runtime } = this;
    const isLoaded = runtime !== null;
    const down = [...(runtime?.groups.values() ?? [])].filter((group) => !group.isUsable());
    const names = down.map(({ name }) => name).join(', ');
    const ready = isLoaded && !this.#isDraining;
    const checks = [
      {
        ...{ name: 'gateway-routes', ok: ready, degradedOnly: false },
        detail: isLoaded ? `${String(runtime.routes.length)} routes` : 'not loaded yet',
      },
      {
        ...{ name: 'gateway-upstreams', ok: down.length === 0, degradedOnly: true },
        detail: down.length === 0 ? 'all groups' : `down: ${names}`,
      },
      {
        ...{
          name: 'gateway-limits',
          ok: runtime?.rateLimiter.isShared ?? true,
          degradedOnly: true,
        },
        detail: runtime?.rateLimiter.isShared === false ? 'per process' : 'shared',
      },
    ];
    return { ready, checks: [...checks, ...this.#certificateCheck()] };
  }

  #certificateCheck(): readonly HealthCheck[] {
    const endMs = this.#listener.certificateEndMs;
    if (endMs === null) return [];
    const leftMs = endMs - this.#dependencies.clock.wallMs();
    const detail = `certificate until ${new Date(endMs).toISOString()}`;
    return [{ name: 'gateway-certificate', ok: leftMs > soonMs, degradedOnly: true, detail }];
  }
}
