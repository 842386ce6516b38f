/** The data API on the public listener: POST /v1/query and /v1/transaction, GET /v1/idempotency. */
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { hasScope, type AccessClaims } from '../../../shared/auth/access-token.ts';
import type { ClusterBase } from '../../../shared/config/cluster-schema.ts';
import type { Consistency, ConsistencyLevel } from '../../../shared/core/consistency.ts';
import type { DurabilityMode } from '../../../shared/core/durability.ts';
import type { PositionToken } from '../../../shared/core/position-token.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { serveOpenApi } from '../../../shared/http/openapi.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataAccess, DataRequest } from '../../../shared/ports/data-access.ts';
import type { RouterConfig } from '../config.ts';
import { resultText } from '../core/reply-text.ts';
import { sendLines, sendText, streamType, whenClosed, writeHeaders } from './data-replies.ts';
import {
  headersSchema,
  keySchema,
  outcomeReplySchema,
  problemSchema,
  queryReplySchema,
  querySchema,
  transactionReplySchema,
  transactionSchema,
  type DataHeaders,
} from './data-schemas.ts';
import type { PositionCarrier } from './position-carrier.ts';

export interface DataRoutesOptions {
  readonly config: RouterConfig;
  readonly cluster: ClusterBase;
  /** Throws Unauthenticated. */
  readonly identify: (credentials: {
    readonly authorization: string | undefined;
    readonly apiKey: string | undefined;
  }) => AccessClaims | Promise<AccessClaims>;
  readonly access: DataAccess;
  readonly positions: PositionCarrier;
  readonly clock: Clock;
}

type Settings = {
  readonly consistency?: ConsistencyLevel | undefined;
  readonly maxStalenessMs?: number | undefined;
  readonly durability?: DurabilityMode | undefined;
};

type Work = Pick<DataRequest, 'statements' | 'isTransaction' | 'isReadOnly' | 'isolation'>;

const problems = { '4xx': problemSchema, '5xx': problemSchema };

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
        addOutcome(server, options, route);
      },
      { prefix: `${config.pathPrefix}/v1` },
    );
  };
}

type DataServer = ReturnType<typeof withTypes>;
interface RouteBase {
  readonly onRequest: (request: FastifyRequest) => Promise<void>;
  readonly bodyLimit: number;
}

function withTypes(instance: FastifyInstance) {
  return instance.withTypeProvider<ZodTypeProvider>();
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

/** Milliseconds from now for a request and the taking of its reply. */
function replyMsOf({ config, clock }: DataRoutesOptions, { deadlineMs }: DataRequest): number {
  return deadlineMs - clock.monotonicMs() + config.limits.replyMsMax;
}

function single(statement: Work['statements'][number]): Work {
  return { statements: [statement], isTransaction: false, isReadOnly: false, isolation: null };
}

/** The request as the core knows it; throws TokenInvalid, RequestInvalid, Unauthenticated. */
function requestOf(
  options: DataRoutesOptions,
  request: Pick<FastifyRequest, 'access' | 'id'>,
  asked: { readonly work: Work; readonly settings: Settings; readonly headers: DataHeaders },
): DataRequest {
  const { config, cluster, positions, clock } = options;
  const { headers, settings } = asked;
  const caller = request.access;
  if (caller === undefined) throw new MeridianError('Unauthenticated', 'No credentials came.');
  const token = positions.read(asked.headers);
  const { deadlineMsDefault, deadlineMsMax } = config.limits;
  const deadlineMs = headers['meridian-deadline-ms'] ?? deadlineMsDefault;
  return {
    ...asked.work,
    consistency: consistencyOf(headers, settings, token),
    token: token?.position ?? null,
    isTokenUpperBound: token?.isUpperBound ?? false,
    durability: settings.durability ?? headers['meridian-durability'] ?? cluster.durability.default,
    idempotencyKey: headers['idempotency-key'] ?? null,
    caller: {
      subject: caller.subject,
      role: caller.role,
      canWrite: hasScope(caller, 'data:write'),
      claims: caller.claims,
    },
    isForwarded: false,
    deadlineMs: clock.monotonicMs() + Math.min(deadlineMs, deadlineMsMax),
    requestId: request.id,
  };
}

function consistencyOf(
  headers: DataHeaders,
  settings: Settings,
  token: PositionToken | null,
): Consistency {
  const maxStalenessMs = settings.maxStalenessMs ?? headers['meridian-max-staleness-ms'];
  const level =
    settings.consistency ??
    headers['meridian-consistency'] ??
    (maxStalenessMs === undefined ? 'session' : 'bounded');
  if (level === 'session') return { level, token: token?.position ?? null };
  if (level !== 'bounded') return { level };
  if (maxStalenessMs !== undefined) return { level, maxStalenessMs };
  const hint = 'Send maxStalenessMs or the header meridian-max-staleness-ms.';
  throw new MeridianError('RequestInvalid', 'A bounded read needs its bound.', { hint });
}
