/** What regions held beyond a cut: listed, read row by row, discarded once it was dealt with. */
import type { FastifyPluginCallback, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { regionIdSchema } from '../../../shared/config/cluster-schema.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { parseNodeId } from '../../../shared/core/node.ts';
import type { ControllerAccess, DivergenceId } from './controller-access.ts';
import { audit, labelOf, send } from './operator-request.ts';

const epoch = z.coerce.number().int().min(1);
const ofRegion = z.object({ region: regionIdSchema, epoch });
const ofNode = ofRegion.extend({ node: z.string().regex(/^pg-[1-9][0-9]{0,2}$/) });
const page = z.object({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(200),
});

type Page = z.output<typeof page>;

export function divergedRoutes(access: ControllerAccess): FastifyPluginCallback {
  return (plain, _, done) => {
    const server = plain.withTypeProvider<ZodTypeProvider>();
    const { requireViewer, requireAdmin, diverged } = access;
    server.get('/admin/diverged', { onRequest: requireViewer, schema: {} }, async (_r, reply) =>
      send(reply, { items: await diverged.list(), next: null }),
    );
    const rowsOf = async (id: DivergenceId, { after, limit }: Page): Promise<object> => {
      const items = await diverged.rows(id, { after, limit });
      if (items.length === 0 && after === 0) throw nothingKept(id);
      const next = items.length < limit ? null : items.at(-1)?.['ordinal'];
      return { items, next: next ?? null };
    };
    const discard = async (id: DivergenceId, request: FastifyRequest): Promise<object> => {
      const discarded = await diverged.discard(id);
      if (discarded === 0) throw nothingKept(id);
      const { region, node, epoch: before } = id;
      const what = `${String(discarded)} rows${node === null ? '' : ` of ${node}`}`;
      const operation = labelOf(access, request, what);
      const facts = { kind: 'audit', verb: 'discard', region, epoch: before as Epoch } as const;
      audit(access, request, { ...facts, node, rows: discarded });
      await access.ask({ ...facts, operation });
      return { region, ...(node === null ? {} : { node }), epoch: before, discarded };
    };
    const ofTails = [
      { path: '/admin/diverged/:region/:epoch', params: ofRegion },
      { path: '/admin/diverged/:region/:node/:epoch', params: ofNode },
    ];
    for (const { path, params } of ofTails) {
      const rows = { onRequest: requireViewer, schema: { params, querystring: page } };
      server.get(path, rows, async ({ params: place, query }, reply) =>
        send(reply, await rowsOf(idOf(place), query)),
      );
      const deletion = { onRequest: requireAdmin, schema: { params } };
      server.post(`${path}/discard`, deletion, async (request, reply) =>
        reply.send(await discard(idOf(request.params), request)),
      );
    }
    done();
  };
}

type Place = z.output<typeof ofRegion> & { readonly node?: string };

function idOf({ region, node, epoch: before }: Place): DivergenceId {
  const id = node === undefined ? null : parseNodeId(`${region}/${node}`);
  return { region, node: id, epoch: before };
}

function nothingKept({ region, node, epoch: before }: DivergenceId): MeridianError {
  return new MeridianError(
    'RequestInvalid',
    `Nothing is kept of ${node ?? region} before epoch ${String(before)}.`,
    {
      hint: 'What is kept: GET /admin/diverged',
      httpStatus: 404,
    },
  );
}
