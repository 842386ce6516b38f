/** Operations: what has become of one, and its steps as they happen (server-sent events). */
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
      operationOf(access, id);
      streamOperation(access, id, reply);
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

/** Sends the whole operation whenever it has changed, and ends with it. */
function streamOperation(access: ControllerAccess, id: string, reply: FastifyReply): void {
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  let sent = '';
  let events = 0;
  const look = (): void => {
    const operation = showOperation(access, id);
    const text = JSON.stringify(operation);
    if (operation === null || text === sent) return;
    sent = text;
    events += 1;
    raw.write(`id: ${events}\nevent: operation\ndata: ${text}\n\n`);
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
