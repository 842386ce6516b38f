/** The control log between regions, on the peer listener: lent to one cut off, and announced. */
import type { FastifyPluginCallback } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { decodeControlRecord } from '../../../shared/core/control/control-record-codec.ts';
import type { ControlRecord } from '../../../shared/core/control/control-record.ts';
import { parseLogOffset } from '../../../shared/core/log-offset.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { encodeRelayedEntries, logIdHeader } from '../core/relay/relayed-entries.ts';
import type { ControllerAccess } from './controller-access.ts';

const oneRecord = z.strictObject({ record: z.string().max(100_000) });
const read = z.strictObject({
  from: z.string(),
  waitMs: z.coerce.number().int().min(0).max(1000).default(0),
});

export function relayRoutes(access: ControllerAccess): FastifyPluginCallback {
  return (plain, _, done) => {
    const server = plain.withTypeProvider<ZodTypeProvider>();
    const onRequest = access.requirePeer;
    server.post(
      '/peer/control-log',
      { onRequest, schema: { body: oneRecord } },
      async (request, reply) => {
        const offset = await access.relay.append(recordIn(request.body));
        return reply.type('text/plain').send(offset.toString());
      },
    );
    server.get(
      '/peer/control-log',
      { onRequest, schema: { querystring: read } },
      async (request, reply) => {
        const { from, waitMs } = request.query;
        const offset = parseLogOffset(from);
        if (offset === null) throw new MeridianError('RequestInvalid', 'from: not an offset');
        const entries = await access.relay.entriesFrom(offset, waitMs);
        const logId = access.relay.logId();
        if (logId !== null) void reply.header(logIdHeader, logId);
        return reply.type('application/json').send(encodeRelayedEntries(entries));
      },
    );
    server.post(
      '/peer/announcement',
      { onRequest, schema: { body: oneRecord } },
      (request, reply) => {
        access.hear(recordIn(request.body));
        return reply.code(204).send();
      },
    );
    done();
  };
}

function recordIn(body: z.output<typeof oneRecord>): ControlRecord {
  const decoded = decodeControlRecord(body.record);
  if (decoded.kind !== 'record') throw new MeridianError('RequestInvalid', decoded.why);
  return decoded.record;
}
