/** The headers that the gateway writes: towards upstreams, towards clients, and its own errors. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorCode } from '../../shared/errors/catalogue.ts';
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import { problemOf } from '../../shared/http/problem.ts';
import { formatHop } from './core/hop.ts';
import { replyHeaders, requestHeaders, type ReplyHeaders } from './core/header-rules.ts';
import { headerOf, type Intake } from './intake.ts';
import { AttemptAborted, wasNotSent } from './io/attempt.ts';
import type { GatewayRuntime } from './runtime.ts';

export interface Outgoing {
  readonly intake: Intake;
  readonly requestId: string;
  /** The request goes to another region's gateway. */
  readonly isRegion: boolean;
  /** Until the deadline; Infinity without one. */
  readonly remainingMs: number;
}

/** Flat name, value, … for an upstream or for another region's gateway. */
export function outgoingHeaders(
  runtime: GatewayRuntime,
  request: IncomingMessage,
  outgoing: Outgoing,
): string[] {
  const { intake, requestId, isRegion, remainingMs } = outgoing;
  const isHostKept = isRegion || intake.route.hostHeader === 'preserve';
  const headers = requestHeaders(request.rawHeaders, request.headers.connection, isHostKept);
  const chain = intake.client.isThroughProxy ? headerOf(request, 'x-forwarded-for') : undefined;
  const peer = request.socket.remoteAddress ?? '';
  if (intake.hop !== null || chain === undefined) {
    headers.push('x-forwarded-for', intake.client.address);
  } else {
    headers.push('x-forwarded-for', `${chain}, ${peer}`);
  }
  headers.push('x-forwarded-proto', intake.scheme);
  if (intake.host !== '') headers.push('x-forwarded-host', intake.host);
  headers.push('x-request-id', requestId);
  if (remainingMs < Infinity) {
    headers.push('meridian-deadline-ms', String(Math.max(1, Math.floor(remainingMs))));
  }
  if (isRegion) headers.push('meridian-hop', signedHop(runtime, intake));
  else headers.push('meridian-region', runtime.region);
  return headers;
}

export interface Passage {
  readonly region: string;
  readonly upstream: string;
  readonly attempts: number;
  readonly overheadMs: number;
  readonly upstreamMs: number;
  readonly requestId: string;
}

/** Own headers of a gateway that this one writes itself, adding to what the other said. */
const rewritten = new Set(['meridian-attempts', 'meridian-overhead-ms', 'x-request-id']);

/** Flat name, value, … of a reply on its way to the client. */
export function passedHeaders(
  headers: ReplyHeaders,
  passage: Passage,
  isGateway: boolean,
): string[] {
  const kept = replyHeaders(headers, isGateway);
  const flat: string[] = isGateway ? [] : kept;
  let overheadMs = passage.overheadMs;
  if (isGateway) {
    for (let i = 0; i + 1 < kept.length; i += 2) {
      const name = kept[i] ?? '';
      if (name === 'meridian-overhead-ms') overheadMs += Number(kept[i + 1]) || 0;
      if (!rewritten.has(name)) flat.push(name, kept[i + 1] ?? '');
    }
  } else {
    flat.push('meridian-region', passage.region, 'meridian-upstream', passage.upstream);
  }
  flat.push(
    'meridian-attempts',
    String(passage.attempts),
    'meridian-overhead-ms',
    overheadMs.toFixed(2),
    'server-timing',
    `${isGateway ? 'hop' : 'upstream'};dur=${passage.upstreamMs.toFixed(1)}`,
    'x-request-id',
    passage.requestId,
  );
  return flat;
}

/** Whether a gateway wrote the reply: it says in which region it was served. */
export function isGatewayReply(headers: ReplyHeaders): boolean {
  return headers['meridian-region'] !== undefined;
}

/** Answers with problem JSON and returns its code. Nothing may have been written yet. */
export function sendProblem(
  reply: ServerResponse,
  error: unknown,
  facts: { readonly region: string; readonly requestId: string; readonly attempts: number },
): string {
  const problem = problemOf(error, facts.requestId);
  const body = JSON.stringify(problem);
  const headers = [
    'content-type',
    'application/problem+json',
    'content-length',
    String(Buffer.byteLength(body)),
    'cache-control',
    'no-store',
    'meridian-region',
    facts.region,
    'meridian-attempts',
    String(facts.attempts),
    'meridian-error',
    problem.code,
    'x-request-id',
    facts.requestId,
  ];
  if (problem.retryAfterMs !== undefined) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(problem.retryAfterMs / 1000))));
  }
  reply.writeHead(problem.status, headers);
  reply.end(body);
  return problem.code;
}

/** What the client is told when the last attempt ended with `error`. */
export function failureOf(error: Error | null): MeridianError {
  if (error === null) return refusal('UpstreamUnavailable');
  if (error instanceof AttemptAborted) {
    return new MeridianError('UpstreamUnavailable', error.message, {}, error);
  }
  const code = 'code' in error ? String(error.code) : error.name;
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
    const message = 'The upstream did not answer in time.';
    return new MeridianError('UpstreamUnavailable', message, { httpStatus: 504 }, error);
  }
  if (code.startsWith('HPE_') || code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH') {
    return new MeridianError('ProtocolViolation', 'The upstream broke HTTP.', {}, error);
  }
  const message = wasNotSent(error)
    ? 'No upstream could be reached.'
    : 'The upstream ended the connection before it answered.';
  return new MeridianError('UpstreamUnavailable', message, {}, error);
}

/** The error of a refused decision. */
export function refusal(code: ErrorCode): MeridianError {
  const message =
    code === 'ResidencyRefused'
      ? 'The rules on where data may be served allow no region for this client.'
      : 'No region and no upstream can take the request now.';
  return new MeridianError(code, message, code === 'ResidencyRefused' ? {} : { httpStatus: 503 });
}

function signedHop(runtime: GatewayRuntime, intake: Intake): string {
  return runtime.hopSigner.sign(
    formatHop({
      visited: [...(intake.hop?.visited ?? []), runtime.region],
      clientAddress: intake.client.address,
      scheme: intake.scheme,
      atMs: runtime.clock.wallMs(),
    }),
  );
}
