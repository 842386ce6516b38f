/**
 * The gateway of a region: takes every request that is not the data API's, finds the region and
 * the upstream for it, and passes it on.
 */
import type { FastifyPluginCallback } from 'fastify';
import { requireScope } from '../../shared/auth/require-scope.ts';
import type { Readiness } from '../../shared/http/health-routes.ts';
import type { Service } from '../../shared/http/service.ts';
import type { Metrics } from '../../shared/metrics/metrics.ts';
import { sleep } from '../../shared/runtime/sleep.ts';
import type { GatewayConfig } from './config.ts';
import { explainRoute, listBreakers, listRoutes, listUpstreams, resetBreakers } from './explain.ts';
import { adminRoutes } from './http/admin-routes.ts';
import { proxyRoutes, type RawExchange, type RawUpgrade } from './http/proxy-routes.ts';
import { GatewayMeters } from './io/gateway-meters.ts';
import { createGeoLocator } from './io/geo-locator.ts';
import { register } from './registration.ts';
import { RequestFlow } from './request-flow.ts';
import { RuntimeBuilder, type RuntimeInputs } from './runtime-build.ts';
import type { GatewayRuntime } from './runtime.ts';
import { WebSocketFlow } from './web-socket-flow.ts';

export interface GatewayDependencies extends RuntimeInputs {
  readonly config: GatewayConfig;
  readonly metrics: Metrics;
}

export interface GatewayService extends Service {
  /** Ends keep-alive, waits for what is under way, bounded by `gateway.drainMs`. */
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
    drain: () => gateway.drain(),
    stop: () => gateway.stop(),
    reload: (config) => gateway.reload(config),
    readiness: () => Promise.resolve(gateway.readiness()),
    plugins: {
      public: proxyRoutes({
        handle: (exchange) => gateway.handle(exchange),
        upgrade: (upgrade) => gateway.upgrade(upgrade),
      }),
      admin: adminRoutes({
        requireViewer: requireScope('admin:viewer', clusterId, accessKeys),
        requireOperator: requireScope('admin:operator', clusterId, accessKeys),
        requireRegister: requireScope('upstream:register', clusterId, accessKeys),
        explain: (question) => whenLoaded((runtime) => explainRoute(runtime, question)),
        routes: () => whenLoaded(listRoutes) ?? [],
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

class Gateway {
  runtime: GatewayRuntime | null = null;
  readonly #dependencies: GatewayDependencies;
  readonly #meters: GatewayMeters;
  #builder: RuntimeBuilder | null = null;
  #isDraining = false;
  #inFlight = 0;
  readonly #webSockets = new Set<WebSocketFlow>();

  constructor(dependencies: GatewayDependencies) {
    this.#dependencies = dependencies;
    this.#meters = new GatewayMeters(dependencies.metrics, () => this.#inFlight);
  }

  async start(): Promise<void> {
    const parts = {
      geo: await createGeoLocator(),
      meters: this.#meters,
      inFlight: () => this.#inFlight,
    };
    const { config } = this.#dependencies;
    this.#builder = new RuntimeBuilder(config, this.#dependencies, parts);
    this.runtime = this.#builder.build(config);
    this.runtime.regions.start();
  }

  reload(config: GatewayConfig): void {
    if (this.#builder === null) return;
    this.runtime = this.#builder.build(config);
  }

  handle(exchange: RawExchange): void {
    if (this.runtime === null) {
      exchange.reply.writeHead(503, { 'retry-after': '1' }).end();
      return;
    }
    this.#inFlight += 1;
    const onOver = (): void => {
      this.#inFlight -= 1;
    };
    const { request, reply, requestId } = exchange;
    // Node loses a request that came in one packet with one that asks for another protocol.
    const isLast = this.#isDraining || request.headers.upgrade !== undefined;
    const given = { request, reply, requestId, isLast };
    new RequestFlow(this.runtime, given, onOver).start();
  }

  upgrade(upgrade: RawUpgrade): void {
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

  async drain(): Promise<void> {
    this.#isDraining = true;
    // Clients come back spread over some seconds, not all at once.
    for (const flow of this.#webSockets) flow.drain(Math.random() * reconnectMsMax);
    const { clock } = this.#dependencies;
    const { drainMs } = this.runtime?.config ?? this.#dependencies.config;
    const endMs = clock.monotonicMs() + drainMs;
    while (this.#inFlight + this.#webSockets.size > 0 && clock.monotonicMs() < endMs)
      await sleep(20);
  }

  async stop(): Promise<void> {
    this.runtime = null;
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
    ];
    return { ready, checks };
  }
}
