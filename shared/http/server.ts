/** Builds a Fastify instance as every listener of Meridian uses it. `main` listens. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { fastify, LogController, type FastifyInstance } from 'fastify';
import {
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod';
import type { Logger } from '../logging/logger.ts';
import { messageOf } from '../errors/meridian-error.ts';
import type { RefusedLink } from '../metrics/refusals.ts';
import { certifiedRegion } from '../runtime/link-security.ts';
import { cutRequest } from './cut-request.ts';
import { FailureLog } from './failure-log.ts';
import { problemOf } from './problem.ts';
import { securedServerOf } from './secured-link.ts';

/**
 * Makes the server that a Fastify instance listens on; it sets its own bounds for clients.
 * `patterns` fills with the paths of the instance's routes as they are registered.
 */
export type ServerFactory = (handler: RequestListener, patterns: ReadonlySet<string>) => Server;

export interface ServerOptions {
  readonly logger: Logger;
  readonly bodyBytesMax: number;
  /** Milliseconds for a whole request to arrive (slow clients). */
  readonly requestTimeoutMs: number;
  readonly serverFactory?: ServerFactory | undefined;
  /** Secured by TLS in mode tls; on the link `peer` callers need a region's certificate. */
  readonly link?: RefusedLink;
}

const keepAliveTimeoutMs = 72_000;

/** An instance with zod schemas, request ids and problem JSON; nothing listens yet. */
export function createServer(options: ServerOptions): FastifyInstance {
  const { serverFactory, link, requestTimeoutMs } = options;
  const limits = { requestTimeoutMs, keepAliveTimeoutMs };
  const secured = link === undefined ? undefined : securedServerOf(link, limits);
  const patterns = new Set<string>();
  const factory = serverFactory ?? secured;
  const server = fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyBytesMax,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
    genReqId: () => randomUUID(),
    // Ids and Idempotency-Keys come in paths; what is longer is no such thing.
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 1024 },
    return503OnClosing: false,
    ...(factory === undefined
      ? {}
      : { serverFactory: (handler: RequestListener) => factory(handler, patterns) }),
  }).withTypeProvider<ZodTypeProvider>();
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  if (link === 'peer') {
    server.addHook('onRequest', async ({ raw }) => void certifiedRegion(raw.socket, link));
  }
  if (serverFactory !== undefined) {
    server.addHook('onRoute', ({ url }) => void patterns.add(url));
    // Routes that take the raw request bound its body themselves; they never come here.
    server.addHook('preParsing', async ({ raw }, reply) => {
      if (!raw.complete) cutUnlessComplete(raw, reply.raw, options.requestTimeoutMs);
    });
  }
  const failures = new FailureLog();
  server.setErrorHandler(async (error, request, reply) => {
    const problem = problemOf(error, request.id);
    if (problem.status >= 500) {
      const failure = { reqId: request.id, code: problem.code, why: messageOf(error) };
      failures.note(request.log, failure);
    }
    if (problem.code === 'InternalError') request.log.error({ err: error }, 'unexpected error');
    if (problem.retryAfterMs !== undefined) {
      void reply.header('retry-after', Math.max(1, Math.ceil(problem.retryAfterMs / 1000)));
    }
    return reply
      .code(problem.status)
      .type('application/problem+json')
      .send(JSON.stringify(problem));
  });
  return server as unknown as FastifyInstance;
}

/** Time for the replies that are under way when servers close, after their drain. */
const lastRepliesMs = 1000;

/** Takes no more connections, and ends those that are not over soon. */
export async function closeServers(servers: readonly FastifyInstance[]): Promise<void> {
  const timer = setTimeout(() => {
    for (const { server } of servers) server.closeAllConnections();
  }, lastRepliesMs);
  await Promise.all(servers.map((server) => server.close()));
  clearTimeout(timer);
}

/** Ends the connection of a body that does not come. A request without one may never close. */
function cutUnlessComplete(raw: IncomingMessage, reply: ServerResponse, timeoutMs: number): void {
  const timer = setTimeout(() => {
    if (!raw.complete) cutRequest(raw);
  }, timeoutMs);
  for (const end of [raw, reply]) end.once('close', () => clearTimeout(timer));
}
