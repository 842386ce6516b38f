/** Interactive transactions of the data API: begin, query, commit and rollback, call by call. */
import type { FastifyRequest } from 'fastify';
import type { DataRequest, TransactionCall } from '../../../shared/ports/data-access.ts';
import { resultText } from '../core/reply-text.ts';
import { sendText, whenClosed, writeHeaders, type AnyReply } from './data-replies.ts';
import {
  problems,
  replyMsOf,
  requestOf,
  type DataRoutesOptions,
  type DataServer,
  type RouteBase,
  type Settings,
  type Work,
} from './data-requests.ts';
import {
  beginReplySchema,
  beginSchema,
  emptySchema,
  endReplySchema,
  headersSchema,
  queryReplySchema,
  statementSchema,
  transactionIdSchema,
  type DataHeaders,
} from './data-schemas.ts';

const noWork: Work = { statements: [], isTransaction: true, isReadOnly: false, isolation: null };

/** Adds POST /transactions and what follows it under the id. */
export function addOpenTransactions(
  server: DataServer,
  options: DataRoutesOptions,
  route: RouteBase,
): void {
  addBegin(server, options, route);
  addStatement(server, options, route);
  addEnd(server, options, { route, kind: 'commit', summary: 'Commits it.' });
  addEnd(server, options, { route, kind: 'rollback', summary: 'Ends it without a trace.' });
}

function addBegin(server: DataServer, options: DataRoutesOptions, route: RouteBase): void {
  const schema = {
    summary: 'Opens a transaction on the primary that takes statements one by one.',
    body: beginSchema,
    headers: headersSchema,
    response: { 201: beginReplySchema, ...problems },
  };
  server.post('/transactions', { ...route, schema }, async (request, reply) => {
    const { isolation, readOnly, ...settings } = request.body;
    const work = { ...noWork, isReadOnly: readOnly, isolation: isolation ?? null };
    const { headers } = request;
    const asked = { work, settings, headers };
    const call = { kind: 'begin' } as const;
    const answer = await run(options, request, { asked, call, reply });
    const id = answer.transactionId ?? '';
    const { idleTimeoutMs } = options.config.transactions;
    const { pathPrefix } = options.config;
    reply.code(201).header('location', `${pathPrefix}/v1/transactions/${id}`);
    sendText(reply, JSON.stringify({ id, idleTimeoutMs }));
    return reply;
  });
}

function addStatement(server: DataServer, options: DataRoutesOptions, route: RouteBase): void {
  const schema = {
    summary: 'Runs one SQL statement in an open transaction.',
    params: transactionIdSchema,
    body: statementSchema(options.config.limits),
    headers: headersSchema,
    response: { 200: queryReplySchema, ...problems },
  };
  server.post('/transactions/:id/query', { ...route, schema }, async (request, reply) => {
    const { sql, params, rowMode } = request.body;
    const work = { ...noWork, statements: [{ sql, params }] };
    const asked = { work, settings: {}, headers: request.headers };
    const call = { kind: 'query', id: request.params.id } as const;
    const [result] = (await run(options, request, { asked, call, reply })).results;
    sendText(reply, result === undefined ? '{}' : resultText(result, rowMode));
    return reply;
  });
}

function addEnd(
  server: DataServer,
  options: DataRoutesOptions,
  of: { readonly route: RouteBase; readonly kind: 'commit' | 'rollback'; readonly summary: string },
): void {
  const { route, kind, summary } = of;
  const schema = {
    summary,
    params: transactionIdSchema,
    body: emptySchema,
    headers: headersSchema,
    response: { 200: endReplySchema, ...problems },
  };
  server.post(`/transactions/:id/${kind}`, { ...route, schema }, async (request, reply) => {
    const asked = { work: noWork, settings: {}, headers: request.headers };
    const call = { kind, id: request.params.id };
    await run(options, request, { asked, call, reply });
    sendText(reply, JSON.stringify({ command: kind === 'commit' ? 'COMMIT' : 'ROLLBACK' }));
    return reply;
  });
}

/** Runs the call and writes the reply's headers. */
async function run(
  options: DataRoutesOptions,
  request: Pick<FastifyRequest, 'access' | 'id'>,
  of: {
    readonly asked: {
      readonly work: Work;
      readonly settings: Settings;
      readonly headers: DataHeaders;
    };
    readonly call: TransactionCall;
    readonly reply: AnyReply;
  },
) {
  const asked: DataRequest = {
    ...requestOf(options, request, of.asked),
    transaction: of.call,
  };
  const signal = whenClosed(of.reply, replyMsOf(options, asked));
  const answer = await options.access.run({ ...asked, signal });
  writeHeaders(of.reply, answer, options.positions.headersOf(answer));
  return answer;
}
