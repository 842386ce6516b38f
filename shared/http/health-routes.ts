/** `/health`, `/health/ready`, `/health/deep` and `/metrics` of one Meridian process. */
import type { FastifyPluginCallback } from 'fastify';
import type { AuthHook } from '../auth/require-scope.ts';
import type { Metrics } from '../metrics/metrics.ts';

export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  /** Listed as degraded when it fails; never makes the process unready. */
  readonly degradedOnly: boolean;
  readonly detail: string;
}

export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly HealthCheck[];
}

export interface HealthOptions {
  readonly readiness: () => Promise<Readiness>;
  /** Everything with figures, for people; never used for routing. */
  readonly deep: () => Promise<Record<string, unknown>>;
  readonly metrics: Metrics;
  readonly requireViewer: AuthHook;
  readonly isDraining: () => boolean;
}

/** `/health` and `/health/ready`, for every listener that balancers may ask; no credentials. */
export function healthRoutes(options: HealthOptions): FastifyPluginCallback {
  return (server, _, done) => {
    server.get('/health', async (_request, reply) =>
      reply.header('cache-control', 'no-store').send({ status: 'alive' }),
    );
    server.get('/health/ready', async (_request, reply) => {
      const { ready, checks } = await options.readiness();
      const isReady = ready && !options.isDraining();
      const degraded = checks.filter((check) => !check.ok && check.degradedOnly);
      const status = options.isDraining() ? 'draining' : isReady ? 'ready' : 'not ready';
      return reply
        .code(isReady ? 200 : 503)
        .header('cache-control', 'no-store')
        .send({ status, degraded: degraded.map(({ name }) => name), checks });
    });
    done();
  };
}

/** `/health/deep` and `/metrics`, for the admin listener; role viewer. */
export function inspectionRoutes(options: HealthOptions): FastifyPluginCallback {
  return (server, _, done) => {
    const viewer = { onRequest: options.requireViewer };
    server.get('/health/deep', viewer, async (_request, reply) => {
      const [{ ready, checks }, figures] = await Promise.all([options.readiness(), options.deep()]);
      const memory = process.memoryUsage();
      const self = { uptimeSeconds: process.uptime(), rssBytes: memory.rss, pid: process.pid };
      return reply
        .header('cache-control', 'no-store')
        .send({ ready, draining: options.isDraining(), checks, process: self, ...figures });
    });
    server.get('/metrics', viewer, async (_request, reply) =>
      reply
        .type(options.metrics.registry.contentType)
        .send(await options.metrics.registry.metrics()),
    );
    done();
  };
}
