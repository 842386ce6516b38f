/** `GET /primary` and `GET /replica?lag=…` for any balancer: 200 or 503, no credentials. */
import type { FastifyPluginCallback } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { leaseRemainingMs } from '../../../shared/ports/region-control.ts';
import type { ControllerAccess } from './controller-access.ts';

const replicaQuery = z.object({
  /** Milliseconds, or with a unit: `500`, `500ms`, `10s`. */
  lag: z
    .string()
    .regex(/^[0-9]{1,9}(ms|s)?$/)
    .optional(),
});

export function roleRoutes(access: ControllerAccess): FastifyPluginCallback {
  return (plain, _, done) => {
    const server = plain.withTypeProvider<ZodTypeProvider>();
    server.get('/primary', { schema: {} }, (_request, reply) => {
      const view = access.view();
      const isPrimary = view.role === 'primary' && leaseRemainingMs(view, access.nowMs()) > 0;
      const body = { region: view.region, role: view.role, epoch: view.epoch };
      return reply
        .code(isPrimary ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(body);
    });
    server.get('/replica', { schema: { querystring: replicaQuery } }, (request, reply) => {
      const view = access.view();
      const own = view.reports.find(({ id }) => id === view.region);
      const lagMs = own?.lagMs ?? null;
      const bound = lagBoundMs(request.query.lag);
      const isWithin = bound === null || (lagMs !== null && lagMs <= bound);
      const isServing = view.role === 'replica' && isWithin;
      const body = { region: view.region, role: view.role, epoch: view.epoch, lagMs };
      return reply
        .code(isServing ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(body);
    });
    done();
  };
}

function lagBoundMs(text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number.parseInt(text, 10);
  return text.endsWith('s') && !text.endsWith('ms') ? value * 1000 : value;
}
