/**
 * Serves a RegionControl and a ReplicationStatus to the region's other processes on the peer
 * listener; `remote-control.ts` is the other end. A lease travels as remaining milliseconds.
 */
import type { FastifyPluginCallback, FastifyReply } from 'fastify';
import { z } from 'zod';
import type { AuthHook } from '../auth/require-scope.ts';
import type { Lsn } from '../core/lsn.ts';
import type { Position } from '../core/position.ts';
import type { Clock } from '../ports/clock.ts';
import { leaseRemainingMs, type RegionControl } from '../ports/region-control.ts';
import type { ReplicationStatus } from '../ports/replication-status.ts';
import { fromWireJson, toWireJson } from './wire-json.ts';

const pollMs = 1000;
const afterSchema = z.object({ after: z.coerce.number().default(-1) });

/** `GET /peer/control/view`: the view, at once or when it is newer than `after`. */
export function regionControlRoutes(
  control: RegionControl,
  clock: Clock,
  requirePeer: AuthHook,
): FastifyPluginCallback {
  return (server, _, done) => {
    server.get('/peer/control/view', { onRequest: requirePeer }, async (request, reply) => {
      const { after } = afterSchema.parse(request.query);
      if (control.view().version === after) await nextChange(control);
      const view = control.view();
      const remainingMs = leaseRemainingMs(view, clock.monotonicMs());
      return send(reply, { view, remainingMs });
    });
    done();
  };
}

/** `GET /peer/control/replication` and its questions. */
export function replicationStatusRoutes(
  status: ReplicationStatus,
  requirePeer: AuthHook,
): FastifyPluginCallback {
  return (server, _, done) => {
    const options = { onRequest: requirePeer };
    server.get('/peer/control/replication', options, async (request, reply) => {
      if (afterSchema.parse(request.query).after >= 0) await nextChange(status);
      return send(reply, status.report());
    });
    server.post('/peer/control/last-record', options, async (request, reply) => {
      const asked = fromWireJson(String(request.body)) as { lsn: Lsn; waitMs: number };
      return send(reply, await status.lastRecordAtOrBelow(asked.lsn, asked.waitMs));
    });
    server.post('/peer/control/unreleased', options, async (request, reply) => {
      const asked = fromWireJson(String(request.body)) as { upTo: Position };
      return send(reply, await status.unreleasedXids(asked.upTo));
    });
    server.removeContentTypeParser('application/json');
    server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, next) =>
      next(null, body),
    );
    done();
  };
}

function send(reply: FastifyReply, value: unknown): FastifyReply {
  return reply.type('application/json').send(toWireJson(value));
}

/** Resolves at the next change, or after the poll interval. */
function nextChange(source: { onChange(listener: () => void): () => void }): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      stop();
      resolve();
    };
    const stop = source.onChange(finish);
    const timer = setTimeout(finish, pollMs);
  });
}
