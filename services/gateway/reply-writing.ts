/**
 * What goes back to the client: heads of upstreams' replies, redirects, the gateway's own errors.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { ErrorCode } from '../../shared/errors/catalogue.ts';
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import type { RegionId } from '../../shared/core/region.ts';
import { problemOf } from '../../shared/http/problem.ts';
import { hundredths } from './access-log.ts';
import type { Admission } from './admission.ts';
import { formatCookie } from './core/cookies.ts';
import { corsHeaders, withoutCors } from './core/cors.ts';
import { replyHeaders, type ReplyHeaders } from './core/header-rules.ts';
import { formatSticky, shortName } from './core/sticky.ts';
import { headerOf, type Intake } from './intake.ts';
import { ConnectionsTaken, wasNotSent } from './io/attempt.ts';
import type { UpstreamGroup } from './io/upstream-group.ts';
import { withRules } from './outgoing-request.ts';
import type { GatewayRuntime } from './runtime.ts';
import type { Target } from './target-choice.ts';

export interface Head {
  readonly status: number;
  readonly headers: ReplyHeaders;
  /** Another gateway of Meridian wrote or passed it. */
  readonly isGateway: boolean;
}

export interface Passage {
  readonly intake: Intake;
  readonly admission: Admission;
  readonly target: Target;
  readonly head: Head;
  readonly attempts: number;
  readonly overheadMs: number;
  readonly upstreamMs: number;
}

interface Answered {
  readonly request: IncomingMessage;
  readonly reply: ServerResponse;
  readonly requestId: string;
  readonly isLast: boolean;
}

/** Own headers of a gateway that this one writes itself, adding to what the other said. */
const rewritten = new Set([
  ...['meridian-attempts', 'meridian-overhead-ms', 'meridian-load', 'x-request-id'],
]);

const usualSecurity = [
  ...['x-content-type-options', 'nosniff'],
  ...['x-frame-options', 'DENY'],
  ...['referrer-policy', 'no-referrer'],
  ...['cross-origin-opener-policy', 'same-origin'],
];

/** Writes the head of an upstream's reply. */
export function passHead(runtime: GatewayRuntime, exchange: Answered, passage: Passage): void {
  const { head, intake, admission, target } = passage;
  const { config } = intake.route;
  const kept = replyHeaders(head.headers, head.isGateway);
  let overheadMs = passage.overheadMs;
  let flat = kept;
  if (head.isGateway) {
    flat = [];
    const load = head.headers['meridian-load'];
    if (target.kind === 'region' && typeof load === 'string') {
      runtime.regions.noteLoad(target.region, Number(load));
    }
    for (let i = 0; i + 1 < kept.length; i += 2) {
      const name = kept[i] ?? '';
      if (name === 'meridian-overhead-ms') overheadMs += Number(kept[i + 1]) || 0;
      if (!rewritten.has(name)) flat.push(name, kept[i + 1] ?? '');
    }
  } else {
    flat = withRules(config.cors === undefined ? flat : withoutCors(flat), config.reply);
    flat.push('meridian-region', runtime.region, 'meridian-upstream', target.label);
    flat.push(...stickyCookie(runtime, passage), ...admission.replyHeaders);
    if (config.securityHeaders) pushSecurity(flat, intake.scheme);
    keepSession(runtime, passage);
  }
  const upstreamMs = hundredths(passage.upstreamMs);
  flat.push('meridian-attempts', String(passage.attempts));
  flat.push('meridian-overhead-ms', hundredths(Math.max(0, overheadMs)));
  flat.push('server-timing', `${head.isGateway ? 'hop' : 'upstream'};dur=${upstreamMs}`);
  flat.push('x-request-id', exchange.requestId);
  if (intake.hop !== null) flat.push('meridian-load', runtime.regions.ownLoad().toFixed(3));
  if (exchange.isLast) flat.push('connection', 'close');
  writeHead(exchange.reply, head.status, flat);
}

/** Passes an interim reply on: 103 alone means anything to the client of a proxy. */
export function passHints(reply: ServerResponse, status: number, headers: ReplyHeaders): void {
  const link = headers['link'];
  if (status !== 103 || link === undefined) return;
  try {
    reply.writeEarlyHints({ link });
  } catch {
    // Links that Node does not write. The reply says it all once more.
  }
}

/** Sends the client to another region by itself (307), for routes that say so. True: done. */
export function redirect(
  runtime: GatewayRuntime,
  exchange: Answered,
  to: { readonly intake: Intake; readonly order: readonly RegionId[] },
): boolean {
  const [region] = to.order;
  const { intake } = to;
  if (intake.route.config.crossRegion !== 'redirect') return false;
  if (region === undefined || region === runtime.region || intake.hop !== null) return false;
  const origin = runtime.regions.publicUrlOf(region);
  writeHead(exchange.reply, 307, [
    ...['location', `${origin}${intake.path}`, 'content-length', '0'],
    ...['cache-control', 'no-store', 'meridian-region', region],
    ...['x-request-id', exchange.requestId],
    ...routeHeaders(intake, exchange.request),
  ]);
  exchange.reply.end();
  return true;
}

/** Answers with problem JSON and returns its code. Nothing may have been written yet. */
export function sendProblem(
  { reply, request, requestId, isLast }: Answered,
  error: unknown,
  facts: { readonly region: string; readonly attempts: number; readonly intake: Intake | null },
): string {
  const problem = problemOf(error, requestId);
  const body = Buffer.from(JSON.stringify(problem));
  const headers = [
    ...['content-type', 'application/problem+json', 'content-length', String(body.length)],
    ...['cache-control', 'no-store', 'meridian-region', facts.region],
    ...['meridian-attempts', String(facts.attempts), 'meridian-error', problem.code],
    ...['x-request-id', requestId],
    ...(facts.intake === null ? [] : routeHeaders(facts.intake, request)),
  ];
  if (problem.retryAfterMs !== undefined) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(problem.retryAfterMs / 1000))));
  }
  if (problem.status === 401) headers.push('www-authenticate', 'Bearer');
  // A body that is still coming would be taken for the next request.
  if (isLast || !request.complete) headers.push('connection', 'close');
  // Left by a head that could not be written.
  for (const name of reply.getHeaderNames()) reply.removeHeader(name);
  writeHead(reply, problem.status, headers);
  reply.end(request.method === 'HEAD' ? undefined : body);
  return problem.code;
}

/** What the route wants on replies that the gateway writes itself: flat name, value, … */
function routeHeaders({ route, scheme }: Intake, request: IncomingMessage): string[] {
  const { cors, securityHeaders } = route.config;
  const flat = corsHeaders(cors, headerOf(request, 'origin'));
  if (securityHeaders) pushSecurity(flat, scheme);
  return flat;
}

/** Writes a flat head; HTTP/2 takes no flat lists and knows no connection headers. */
export function writeHead(reply: ServerResponse, status: number, flat: string[]): void {
  if (!('stream' in reply)) {
    reply.writeHead(status, flat);
    return;
  }
  const headers: Record<string, string | string[]> = {};
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const name = flat[i] ?? '';
    const value = flat[i + 1] ?? '';
    const before = headers[name];
    if (name === 'connection') continue;
    headers[name] = before === undefined ? value : [...[before].flat(), value];
  }
  reply.writeHead(status, headers);
}

/** Whether the last byte has gone out; replies of HTTP/2 tell it otherwise. */
export function isComplete(reply: ServerResponse): boolean {
  return 'stream' in reply ? reply.writableEnded : reply.writableFinished;
}

/** Calls `done` once the last byte is out or the client is gone, perhaps more than once. */
export function onGone({ request, reply }: Answered, done: () => void): void {
  reply.on('close', done);
  if ('stream' in reply || reply.socket !== null) return;
  // Pipelined, and its turn has not come: when the client leaves, Node does not tell the reply.
  const { socket } = request;
  socket.setMaxListeners(0);
  socket.once('close', done);
  reply.once('close', () => socket.removeListener('close', done));
  if (socket.destroyed) setImmediate(done);
}

/** Ends a reply so that the client sees that it is not whole. */
export function cutShort(reply: ServerResponse): void {
  if (!('stream' in reply)) reply.destroy();
  else (reply.stream as ServerHttp2Stream).close(constants.NGHTTP2_INTERNAL_ERROR);
}

/** Whether a gateway wrote the reply: it says in which region it was served. */
export function isGatewayReply(target: Target, headers: ReplyHeaders): boolean {
  return target.kind === 'region' && headers['meridian-region'] !== undefined;
}

/** What the client is told when there is nothing to send to, or no room there. */
export function noTarget(
  group: UpstreamGroup | undefined,
  target: Target | null,
  lastError: Error | null,
): MeridianError {
  if (target !== null) return overloaded();
  if (lastError !== null) return failureOf(lastError);
  if (group?.isOpen() !== true) return refusal('UpstreamUnavailable');
  const message = 'Every upstream has failed too often and is left alone for now.';
  return new MeridianError('CircuitOpen', message, { retryAfterMs: 1000 });
}

function overloaded(): MeridianError {
  const details = { httpStatus: 503, retryAfterMs: 1000 };
  return new MeridianError('UpstreamUnavailable', 'The upstreams are overloaded.', details);
}

/** What the client is told when the last attempt ended with `error`. */
export function failureOf(error: Error): MeridianError {
  if (error instanceof ConnectionsTaken) return overloaded();
  const code = 'code' in error ? String(error.code) : error.name;
  if (/^UND_ERR_(HEADERS|BODY)_TIMEOUT$|^UpstreamStalled$/.test(code)) {
    const details = { httpStatus: 504 };
    return new MeridianError(
      'UpstreamUnavailable',
      'No upstream answered in time.',
      details,
      error,
    );
  }
  if (/^HPE_|^ERR_(HTTP|INVALID)|^UND_ERR_RES_CONTENT_LENGTH_MISMATCH$/.test(code)) {
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

/** A new cookie when there was none, or its instance is not the one that served. */
function stickyCookie(runtime: GatewayRuntime, passage: Passage): string[] {
  const { intake, admission, target } = passage;
  const { sticky, id } = intake.route.config;
  if (sticky === undefined || target.kind === 'region') return [];
  const instance = shortName(target.instance.id);
  if (admission.stickyInstance === instance) return [];
  const untilMs = runtime.clock.wallMs() + sticky.ttlSeconds * 1000;
  const text = formatSticky({ route: id, region: runtime.region, instance, untilMs });
  return ['set-cookie', formatCookie(sticky.cookie, runtime.signer.sign(text), sticky)];
}

/** What the upstream wants kept for the session. It is written behind the reply's back. */
function keepSession(runtime: GatewayRuntime, { admission, head, intake }: Passage): void {
  const text = head.headers['meridian-session-context'];
  const { session } = intake.route.config;
  if (admission.sessionId === null || session === undefined || typeof text !== 'string') return;
  try {
    const context: unknown = JSON.parse(text);
    if (typeof context !== 'object' || context === null) return;
    void runtime.sessions.save(admission.sessionId, { ...context }, session.ttlSeconds);
  } catch {
    runtime.logger.warn({ route: intake.route.config.id }, 'session context is no JSON');
  }
}

function pushSecurity(flat: string[], scheme: 'http' | 'https'): void {
  for (let i = 0; i + 1 < usualSecurity.length; i += 2) {
    const name = usualSecurity[i] ?? '';
    if (!flat.includes(name)) flat.push(name, usualSecurity[i + 1] ?? '');
  }
  if (scheme === 'https' && !flat.includes('strict-transport-security')) {
    flat.push('strict-transport-security', 'max-age=31536000');
  }
}
