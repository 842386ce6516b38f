/** Operations: what has become of one, and its steps as they happen (server-sent events). */
import { createHash } from 'node:crypto';
import type { FastifyPluginCallback, FastifyReply } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { ControllerAccess } from './controller-access.ts';
import { hasEnded, showOperation, type ShownOperation } from './operation-json.ts';

/** A person's operation has a UUID, a controller's own says which epoch and region. */
const params = z.object({ id: z.string().regex(/^[A-Za-z0-9-]{1,100}$/) });
/** A stream is looked at again this often, besides each change of the view. */
const lookEveryMs = 250;
/** The client asks again, with Last-Event-ID, after this long. */
const streamBoundMs = 10 * 60_000;

export function operationRoutes(access: ControllerAccess): FastifyPluginCallback {
  return (plain, _, done) => {
    const server = plain.withTypeProvider<ZodTypeProvider>();
    const options = { onRequest: access.requireViewer, schema: { params } };
    server.get('/admin/operations/:id', options, (request, reply) =>
      reply.header('cache-control', 'no-store').send(operationOf(access, request.params.id)),
    );
    server.get('/admin/operations/:id/events', options, (request, reply) => {
      const { id } = request.params;
      const operation = operationOf(access, id);
      const seen = request.headers['last-event-id']?.toString() ?? null;
      // Whoever has seen the end need not come back: that is what 204 tells an event source.
      if (hasEnded(operation) && seen === eventName(operation)) return reply.code(204).send();
      streamOperation(access, { id, seen }, reply);
      return reply;
    });
    done();
  };
}

function operationOf(access: ControllerAccess, id: string): ShownOperation {
  const operation = showOperation(access, id);
  if (operation !== null) return operation;
  throw new MeridianError('RequestInvalid', `This region knows no operation ${id}.`, {
    hint: 'Its record may not have been read yet: ask again in a second.',
    httpStatus: 404,
  });
}

/**
 * Sends the whole operation whenever it has changed, and ends with it. An event is named by what it
 * says: a client that comes back with the last name it has is told only what is new since.
 */
function streamOperation(
  access: ControllerAccess,
  { id, seen }: { readonly id: string; readonly seen: string | null },
  reply: FastifyReply,
): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  raw.flushHeaders();
  let sent = seen;
  const look = (): void => {
    const operation = showOperation(access, id);
    if (operation === null) return;
    const name = eventName(operation);
    if (name !== sent) {
      sent = name;
      raw.write(`id: ${name}\nevent: operation\ndata: ${JSON.stringify(operation)}\n\n`);
    }
    if (hasEnded(operation)) end();
  };
  const end = (): void => {
    clearInterval(timer);
    clearTimeout(bound);
    stopListening();
    raw.end();
  };
  const stopListening = access.onChange(look);
  const timer = setInterval(look, lookEveryMs);
  const bound = setTimeout(end, streamBoundMs);
  raw.once('close', end);
  look();
}

function eventName(operation: ShownOperation): string {
  return createHash('sha256').update(JSON.stringify(operation)).digest('hex').slice(0, 16);
}
