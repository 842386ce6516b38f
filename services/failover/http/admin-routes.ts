/**
 * The admin API's view of the regions and its changes of primary. Any live region answers: a
 * change is a record of the control log, and what becomes of it is the fold's.
 */
import type { FastifyPluginCallback, FastifyReply } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { regionIdSchema } from '../../../shared/config/cluster-schema.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { ControllerAccess } from './controller-access.ts';
import { planChange, type ChangeRequest } from './change-plan.ts';
import { ask, labelOf, send, type Asked } from './operator-request.ts';
import { auditOf, historyOf } from './history-json.ts';
import { listRegions } from './region-list.ts';
import { regionsDocument } from './regions-document.ts';

const reasonSchema = z.string().max(500).default('');
const changeBody = z.strictObject({
  to: regionIdSchema.optional(),
  kind: z.enum(['switchover', 'failover']).default('switchover'),
  dryRun: z.boolean().default(false),
  force: z.boolean().default(false),
  acceptDataLoss: z.boolean().default(false),
  reason: reasonSchema,
});
type ChangeBody = z.output<typeof changeBody>;
const regionParams = z.object({ id: regionIdSchema });
const dayMs = 24 * 60 * 60 * 1000;
const pauseBody = z.strictObject({
  durationMs: z
    .int()
    .min(1000)
    .max(7 * dayMs),
  reason: reasonSchema,
});
const reasonBody = z.strictObject({ reason: reasonSchema }).default({ reason: '' });

export function adminRoutes(access: ControllerAccess): FastifyPluginCallback {
  return (plain, _, done) => {
    const server = plain.withTypeProvider<ZodTypeProvider>();
    const viewer = { onRequest: access.requireViewer };
    const operator = { onRequest: access.requireOperator };
    const admin = { onRequest: access.requireAdmin };
    server.get('/admin/regions', { ...viewer, schema: {} }, async (_request, reply) =>
      send(reply, await regionsDocument(access)),
    );
    server.get(
      '/admin/regions/:id',
      { ...viewer, schema: { params: regionParams } },
      (request, reply) => send(reply, regionOf(access, request.params.id)),
    );
    server.get('/admin/history', { ...viewer, schema: {} }, (_request, reply) =>
      send(reply, { items: historyOf(access), next: null }),
    );
    server.get('/admin/audit', { ...viewer, schema: {} }, (_request, reply) =>
      send(reply, { items: auditOf(access), next: null }),
    );
    const change = { ...operator, schema: { params: regionParams, body: changeBody } };
    server.post('/admin/regions/:id/failover', change, (request, reply) => {
      checkGivesUp(access, request.params.id);
      return answerChange(access, { request, reply, body: request.body });
    });
    server.post('/admin/regions/:id/promote', change, (request, reply) => {
      checkTarget(request.params.id, request.body.to);
      const body = { ...request.body, to: request.params.id };
      return answerChange(access, { request, reply, body });
    });
    for (const [verb, isAccepting] of [
      ['drain', false],
      ['undrain', true],
    ] as const) {
      const options = { ...operator, schema: { params: regionParams, body: reasonBody } };
      server.post(`/admin/regions/:id/${verb}`, options, (request, reply) => {
        const region = regionOf(access, request.params.id).id as RegionId;
        const operation = labelOf(access, request, request.body.reason);
        return ask(access, { request, reply }, { kind: 'traffic', region, isAccepting, operation });
      });
    }
    for (const action of ['add', 'remove'] as const) {
      const options = { ...admin, schema: { params: regionParams, body: reasonBody } };
      server.post(`/admin/regions/:id/${action}`, options, (request, reply) => {
        const region = request.params.id;
        // Who is to be added must be known here: this process links to the regions of its file.
        if (action === 'add') regionOf(access, region);
        const operation = labelOf(access, request, request.body.reason);
        return ask(access, { request, reply }, { kind: 'region', action, region, operation });
      });
    }
    server.post('/admin/pause', { ...operator, schema: { body: pauseBody } }, (request, reply) =>
      answerPause(access, { request, reply, ...request.body }),
    );
    server.post('/admin/resume', { ...operator, schema: { body: reasonBody } }, (request, reply) =>
      answerPause(access, { request, reply, durationMs: 0, reason: request.body.reason }),
    );
    done();
  };
}

async function answerChange(
  access: ControllerAccess,
  { request, reply, body }: Asked & { readonly body: ChangeBody },
): Promise<FastifyReply> {
  if (body.to !== undefined) regionOf(access, body.to);
  const operation = labelOf(access, request, body.reason);
  const change: ChangeRequest = {
    kind: 'change',
    change: body.kind,
    to: body.to ?? null,
    force: body.force,
    acceptDataLoss: body.acceptDataLoss,
    operation,
  };
  if (body.dryRun) return send(reply, planChange(access, change));
  // To give up confirmed writes is more than to run the cluster.
  if (body.force) await access.requireAdmin(request);
  return ask(access, { request, reply }, change);
}

function answerPause(
  access: ControllerAccess,
  asked: Asked & { readonly durationMs: number; readonly reason: string },
): Promise<FastifyReply> {
  const operation = labelOf(access, asked.request, asked.reason);
  return ask(access, asked, { kind: 'pause', durationMs: asked.durationMs, operation });
}

function regionOf(access: ControllerAccess, id: RegionId): { readonly id: string } {
  const region = listRegions(access).find((one) => one.id === id);
  if (region !== undefined) return region;
  const known = access.regions.map((one) => one.id).join(', ');
  throw new MeridianError('RequestInvalid', `There is no region ${id}.`, {
    hint: `Regions: ${known}`,
    httpStatus: 404,
  });
}

function checkTarget(id: RegionId, to: RegionId | undefined): void {
  if (to === undefined || to === id) return;
  throw new MeridianError('RequestInvalid', `The path promotes ${id}, the body names ${to}.`, {
    hint: `Leave out \`to\`, or ask for /admin/regions/${to}/promote.`,
  });
}

function checkGivesUp(access: ControllerAccess, id: RegionId): void {
  regionOf(access, id);
  const { primary } = access.view();
  if (primary === null || primary === id) return;
  throw new MeridianError('NotPrimary', `${id} is not the primary region; ${primary} is.`, {
    hint: `Ask for it at /admin/regions/${primary}/failover.`,
    httpStatus: 409,
  });
}
