/** What routers of other regions ask of this one, on the peer listener. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { requirePeer } from '../../../shared/auth/require-scope.ts';
import type { ClusterBase } from '../../../shared/config/cluster-schema.ts';
import type { KeySet } from '../../../shared/config/secrets-schema.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { problemOf } from '../../../shared/http/problem.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type {
  DataAccess,
  DataReply,
  DataRequest,
  RowStream,
} from '../../../shared/ports/data-access.ts';
import type { RouterConfig } from '../config.ts';
import {
  consistencyOf,
  portablePosition,
  positionOfPortable,
  type Portable,
} from '../core/forwarded-form.ts';
import { portableNow, type PrimaryNow } from '../core/primary-now.ts';
import { whenClosed } from './data-replies.ts';
import { forwardedSchema, type ForwardedRequest } from './data-schemas.ts';

export interface PeerRoutesOptions {
  readonly config: RouterConfig;
  readonly cluster: ClusterBase;
  readonly peerKeys: KeySet;
  readonly access: DataAccess;
  readonly clock: Clock;
  /** Throws NotPrimary where this region is not open as primary. */
  readonly now: () => Promise<PrimaryNow>;
  /** The epoch that this region's node has promised itself to, read after the question came. */
  readonly sealed: () => Promise<{ readonly store: string | null; readonly sealedEpoch: number }>;
}

/** The plugin for the peer listener. */
export function peerRoutes(options: PeerRoutesOptions): FastifyPluginAsync {
  const onRequest = requirePeer(options.cluster.clusterId, options.peerKeys);
  // A forwarded body may be a little larger than the client's own.
  const bodyLimit = options.config.limits.bodyBytesMax * 2;
  return async (instance: FastifyInstance) => {
    const server = instance.withTypeProvider<ZodTypeProvider>();
    const schema = { body: forwardedSchema };
    server.post('/peer/data', { onRequest, bodyLimit, schema }, async (request, reply) => {
      // The caller's router hangs up when its own client has left.
      const boundMs = request.body.remainingMs + options.config.limits.replyMsMax;
      const signal = whenClosed(reply, boundMs);
      const answer = await options.access.run({
        ...requestOf(request.body, options.clock),
        signal,
      });
      const { rest, ...head } = answer;
      const text = JSON.stringify({ ...bodyOf(head), hasRest: rest !== undefined });
      if (rest === undefined) return reply.type('application/json').send(`${text}\n`);
      const lines = Readable.from(batchLines(text, rest, request.id));
      return reply.type('application/x-ndjson').send(lines);
    });
    server.get('/peer/now', { onRequest }, async (_request, reply) =>
      reply.header('cache-control', 'no-store').send(portableNow(await options.now())),
    );
    server.get('/peer/sealed', { onRequest }, async (_request, reply) =>
      reply.header('cache-control', 'no-store').send(await options.sealed()),
    );
    await Promise.resolve();
  };
}

function requestOf(body: ForwardedRequest, clock: Clock): DataRequest {
  const token = positionOfPortable(body.token);
  if (token === 'malformed') throw new MeridianError('RequestInvalid', 'No valid position came.');
  const { remainingMs, consistency, statements, transaction, ...rest } = body;
  return {
    ...rest,
    ...(transaction === undefined ? {} : { transaction }),
    statements: statements.map(({ sql, params, expectRows }) =>
      expectRows === undefined ? { sql, params } : { sql, params, expectRows },
    ),
    token,
    consistency: consistencyOf(consistency, token),
    isForwarded: true,
    deadlineMs: clock.monotonicMs() + remainingMs,
  };
}

/** The reply, then its further rows by parts, then null or the problem that ended them. */
async function* batchLines(head: string, rest: RowStream, requestId: string) {
  try {
    yield `${head}\n`;
    for (let rows = await rest.next(); rows !== null; rows = await rest.next()) {
      yield `${JSON.stringify(rows)}\n`;
    }
    yield 'null\n';
  } catch (error) {
    yield `${JSON.stringify({ problem: problemOf(error, requestId) })}\n`;
  } finally {
    rest.close();
  }
}

function bodyOf(answer: DataReply): Portable<DataReply> {
  return { ...answer, position: portablePosition(answer.position) };
}
