/** The data API on the public listener: POST /v1/query and /v1/transaction, GET /v1/idempotency. */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { hasScope } from '../../../shared/auth/access-token.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { serveOpenApi } from '../../../shared/http/openapi.ts';
import { resultText } from '../core/reply-text.ts';
import { sendLines, sendText, streamType, whenClosed, writeHeaders } from './data-replies.ts';
import {
  problems,
  replyMsOf,
  requestOf,
  single,
  withTypes,
  type DataRoutesOptions,
  type DataServer,
  type RouteBase,
  type Work,
} from './data-requests.ts';
import {
  headersSchema,
  keySchema,
  outcomeReplySchema,
  queryReplySchema,
  querySchema,
  transactionReplySchema,
  transactionSchema,
} from './data-schemas.ts';
import { addOpenTransactions } from './transaction-routes.ts';

/** The plugin for the public listener. */
export function dataRoutes(options: DataRoutesOptions): FastifyPluginAsync {
  const { config } = options;
  return async (parent) => {
    await parent.register(
      async (instance: FastifyInstance) => {
        const server = withTypes(instance);
        await serveOpenApi(server, {
          title: 'Meridian data API',
          description: `SQL below ${config.pathPrefix}/v1. Errors are problem documents.`,
        });
        instance.addHook('onError', async (request: FastifyRequest, reply: FastifyReply, error) => {
          reply.headers(options.positions.headersOfProblem(request.headers, error));
        });
        const route = { onRequest: authenticate(options), bodyLimit: config.limits.bodyBytesMax };
        addQuery(server, options, route);
        addTransaction(server, options, route);
        addOpenTransactions(server, options, route);
        addOutcome(server, options, route);
      },
      { prefix: `${config.pathPrefix}/v1` },
    );
  };
}

function authenticate({ identify }: DataRoutesOptions): RouteBase['onRequest'] {
  return async (request) => {
    const apiKey = request.headers['x-api-key'];
    request.access = await identify({
      authorization: request.headers.authorization,
      apiKey: typeof apiKey === 'string' ? apiKey : undefined,
    });
    if (hasScope(request.access, 'data:read')) return;
    const hint = 'The credentials need the scope data:read or data:write.';
    throw new MeridianError('Forbidden', 'The credentials do not allow this.', { hint });
  };
}

function addQuery(server: DataServer, options: DataRoutesOptions, route: RouteBase): void {
  const schema = {
    summary: 'Runs one SQL statement.',
    body: querySchema(options.config.limits),
    headers: headersSchema,
    response: { 200: queryReplySchema, ...problems },
  };
  server.post('/query', { ...route, schema }, async (request, reply) => {
    const { sql, params, rowMode, ...settings } = request.body;
    const work = single({ sql, params });
    const { headers } = request;
    const asked = requestOf(options, request, { work, settings, headers });
    const isStream = (request.headers.accept ?? '').includes(streamType);
    const signal = whenClosed(reply, replyMsOf(options, asked));
    const answer = await options.access.run({ ...asked, signal, isStream });
    writeHeaders(reply, answer, options.positions.headersOf(answer));
    const [result] = answer.results;
    if (isStream) sendLines(reply, answer, { rowMode, requestId: request.id });
    else sendText(reply, result === undefined ? '{}' : resultText(result, rowMode));
    return reply;
  });
}

function addTransaction(server: DataServer, options: DataRoutesOptions, route: RouteBase): void {
  const schema = {
    summary: 'Runs several SQL statements in one transaction: all or nothing.',
    body: transactionSchema(options.config.limits),
    headers: headersSchema,
    response: { 200: transactionReplySchema, ...problems },
  };
  server.post('/transaction', { ...route, schema }, async (request, reply) => {
    const { statements, rowMode, isolation, readOnly, ...settings } = request.body;
    const work: Work = {
      statements: statements.map(({ sql, params, expectRows }) =>
        expectRows === undefined ? { sql, params } : { sql, params, expectRows },
      ),
      isTransaction: true,
      isReadOnly: readOnly,
      isolation: isolation ?? null,
    };
    const { headers } = request;
    const asked = requestOf(options, request, { work, settings, headers });
    const answer = await options.access.run({
      ...asked,
      signal: whenClosed(reply, replyMsOf(options, asked)),
    });
    writeHeaders(reply, answer, options.positions.headersOf(answer));
    const results = answer.results.map((result) => resultText(result, rowMode));
    sendText(reply, `{"results":[${results.join(',')}]}`);
    return reply;
  });
}

function addOutcome(server: DataServer, options: DataRoutesOptions, route: RouteBase): void {
  const schema = {
    summary: 'What became of the request that was sent under this Idempotency-Key.',
    params: keySchema,
    headers: headersSchema,
    response: { 200: outcomeReplySchema, ...problems },
  };
  server.get('/idempotency/:key', { ...route, schema }, async (request, reply) => {
    const { headers } = request;
    const work = { ...single({ sql: '', params: [] }), statements: [] };
    const asked = requestOf(options, request, { work, settings: {}, headers });
    const answer = await options.access.run({ ...asked, idempotencyKey: request.params.key });
    writeHeaders(reply, answer, options.positions.headersOf(answer));
    const results = answer.results.map((result) => resultText(result, 'object'));
    const outcome = results.length > 0 ? 'done' : 'none';
    sendText(reply, `{"outcome":"${outcome}","results":[${results.join(',')}]}`);
    return reply;
  });
}
