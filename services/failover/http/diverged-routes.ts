/** What regions held beyond a cut: listed, read row by row, discarded once it was dealt with. */
import type { FastifyPluginCallback } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { regionIdSchema } from '../../../shared/config/cluster-schema.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { ControllerAccess } from './controller-access.ts';
import { audit, labelOf } from './operator-request.ts';

const params = z.object({ region: regionIdSchema, epoch: z.coerce.number().int().min(1) });
const page = z.object({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});

export function divergedRoutes(access: ControllerAccess): FastifyPluginCallback {
  return (plain, _, done) => {
    const server = plain.withTypeProvider<ZodTypeProvider>();
    const { requireViewer, requireAdmin, diverged } = access;
    server.get('/admin/diverged', { onRequest: requireViewer, schema: {} }, async (_r, reply) =>
      reply.header('cache-control', 'no-store').send({ items: await diverged.list(), next: null }),
    );
    const rows = { onRequest: requireViewer, schema: { params, querystring: page } };
    server.get('/admin/diverged/:region/:epoch', rows, async (request, reply) => {
      const { after, limit } = request.query;
      const items = await diverged.rows(request.params, { after, limit });
      if (items.length === 0 && after === 0) throw nothingKept(request.params);
      const next = items.length < limit ? null : items.at(-1)?.['ordinal'];
      return reply.header('cache-control', 'no-store').send({ items, next: next ?? null });
    });
    const discard = { onRequest: requireAdmin, schema: { params } };
    server.post('/admin/diverged/:region/:epoch/discard', discard, async (request, reply) => {
      const discarded = await diverged.discard(request.params);
      if (discarded === 0) throw nothingKept(request.params);
      const operation = labelOf(access, request, `${String(discarded)} rows`);
      const { region, epoch } = request.params;
      const facts = { kind: 'audit', verb: 'discard', region, epoch: epoch as Epoch } as const;
      audit(access, request, { ...facts, rows: discarded });
      await access.ask({ ...facts, operation });
      return reply.send({ ...request.params, discarded });
    });
    done();
  };
}

function nothingKept({ region, epoch }: { region: string; epoch: number }): MeridianError {
  return new MeridianError(
    'RequestInvalid',
    `Nothing is kept of ${region} before epoch ${epoch}.`,
    {
      hint: 'What is kept: GET /admin/diverged',
      httpStatus: 404,
    },
  );
}
