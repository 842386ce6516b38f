/**
 * Whether a request is let in, and what it brings along: address lists, cross-origin rules,
 * credentials, rate limit, stickiness, session. Stays synchronous where nothing has to be asked.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { RegionId } from '../../shared/core/region.ts';
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import { formatCookie, readCookie } from './core/cookies.ts';
import { corsHeaders, preflightHeaders } from './core/cors.ts';
import { parseSticky } from './core/sticky.ts';
import { headerOf, type Intake } from './intake.ts';
import { addressGroup } from './io/address-list.ts';
import type { Identity } from './io/authenticator.ts';
import type { GatewayRuntime, Route } from './runtime.ts';

export interface Admission {
  /** What is said to the upstream beside the client's own headers: flat name, value, … */
  readonly requestHeaders: readonly string[];
  readonly replyHeaders: readonly string[];
  readonly tenant: string | null;
  readonly stickyRegion: RegionId | null;
  /** Short name of the instance that served before. */
  readonly stickyInstance: string | null;
  readonly sessionId: string | null;
  /** The gateway answers by itself: a preflight request. */
  readonly answer: { readonly status: number; readonly headers: string[] } | null;
}

const nothing: Admission = {
  requestHeaders: [],
  replyHeaders: [],
  tenant: null,
  stickyRegion: null,
  stickyInstance: null,
  sessionId: null,
  answer: null,
};

/** Throws, or rejects with, the MeridianError that the client is to get. */
export function admit(
  runtime: GatewayRuntime,
  intake: Intake,
  request: IncomingMessage,
): Admission | Promise<Admission> {
  const { config, allowed, denied } = intake.route;
  const { address } = intake.client;
  if (denied?.has(address) === true || allowed?.has(address) === false) {
    throw new MeridianError('Forbidden', 'The address is not let in.');
  }
  const preflight = preflightOf(intake, request);
  if (preflight !== null) return preflight;
  if (config.auth === undefined) return limit(runtime, intake, { request, identity: null });
  const credentials = {
    authorization: headerOf(request, 'authorization'),
    apiKey: headerOf(request, 'x-api-key'),
  };
  const identity = runtime.authenticator.identify(credentials, config.auth);
  return identity instanceof Promise
    ? identity.then((known) => limit(runtime, intake, { request, identity: known }))
    : limit(runtime, intake, { request, identity });
}

interface Caller {
  readonly request: IncomingMessage;
  readonly identity: Identity | null;
}

/** A request that another gateway handed on was counted there. */
function limit(
  runtime: GatewayRuntime,
  intake: Intake,
  caller: Caller,
): Admission | Promise<Admission> {
  const rule = intake.route.config.rateLimit;
  if (rule === undefined || intake.hop !== null) return enrich(runtime, intake, caller);
  const key = `${intake.route.config.id}:${limitKey(rule.key, intake, caller)}`;
  const answer = runtime.rateLimiter.take(key, rule);
  if (!(answer instanceof Promise)) {
    if (answer !== null) throw rateLimited(answer);
    return enrich(runtime, intake, caller);
  }
  return answer.then((retryAfterMs) => {
    if (retryAfterMs !== null) throw rateLimited(retryAfterMs);
    return enrich(runtime, intake, caller);
  });
}

function limitKey(rule: string, intake: Intake, { request, identity }: Caller): string {
  if (rule === 'route') return '';
  if (rule === 'subject') return identity?.subject ?? addressGroup(intake.client.address);
  if (rule.startsWith('header:')) return headerOf(request, rule.slice('header:'.length)) ?? '';
  return addressGroup(intake.client.address);
}

function enrich(
  runtime: GatewayRuntime,
  intake: Intake,
  caller: Caller,
): Admission | Promise<Admission> {
  const { config } = intake.route;
  const { request, identity } = caller;
  const tenant = tenantOf(runtime, intake, caller);
  const isPlain =
    identity === null &&
    tenant === null &&
    config.cors === undefined &&
    config.sticky === undefined &&
    config.session === undefined;
  if (isPlain) return nothing;
  const sticky = stickyOf(runtime, intake.route.config, headerOf(request, 'cookie'));
  const known: Admission = {
    ...nothing,
    requestHeaders: [
      ...(identity === null ? [] : ['meridian-subject', encodeURIComponent(identity.subject)]),
      ...(tenant === null ? [] : ['meridian-tenant', encodeURIComponent(tenant)]),
    ],
    replyHeaders: corsHeaders(config.cors, headerOf(request, 'origin')),
    tenant,
    stickyRegion: sticky?.region ?? null,
    stickyInstance: sticky?.instance ?? null,
  };
  return config.session === undefined ? known : withSession(runtime, intake, { request, known });
}

function tenantOf(
  runtime: GatewayRuntime,
  intake: Intake,
  { request, identity }: Caller,
): string | null {
  const { header, claim } = runtime.config.tenant;
  const claimed = claim === undefined ? undefined : identity?.claims[claim];
  if (typeof claimed === 'string') return claimed;
  if (header === undefined || !intake.isTrusted) return null;
  return headerOf(request, header) ?? null;
}

/** What the client's cookies say of who served it before; null when they say nothing. */
export function stickyOf(
  runtime: GatewayRuntime,
  { sticky, id }: Route['config'],
  cookies: string | undefined,
): ReturnType<typeof parseSticky> {
  if (sticky === undefined) return null;
  const signed = readCookie(cookies, sticky.cookie);
  const text = signed === undefined ? null : runtime.signer.verify(signed);
  return text === null ? null : parseSticky(text, id, runtime.clock.wallMs());
}

const sessionCookie = 'meridian_session';

async function withSession(
  runtime: GatewayRuntime,
  intake: Intake,
  { request, known }: { request: IncomingMessage; known: Admission },
): Promise<Admission> {
  const ttlSeconds = intake.route.config.session?.ttlSeconds ?? 3600;
  const signed = readCookie(headerOf(request, 'cookie'), sessionCookie);
  const said = signed === undefined ? null : runtime.signer.verify(signed);
  const old = said !== null && said.startsWith('session ') ? said.slice('session '.length) : null;
  const id = old ?? randomUUID();
  const context = old === null ? null : await runtime.sessions.load(id, ttlSeconds);
  const options = { ttlSeconds, secure: intake.scheme === 'https', sameSite: 'Lax' } as const;
  const cookie = formatCookie(sessionCookie, runtime.signer.sign(`session ${id}`), options);
  return {
    ...known,
    sessionId: id,
    requestHeaders: [
      ...known.requestHeaders,
      ...['meridian-session', id],
      ...(context === null ? [] : ['meridian-session-context', JSON.stringify(context)]),
    ],
    replyHeaders: old === null ? [...known.replyHeaders, 'set-cookie', cookie] : known.replyHeaders,
  };
}

function preflightOf(intake: Intake, request: IncomingMessage): Admission | null {
  const { cors } = intake.route.config;
  const origin = headerOf(request, 'origin');
  if (cors === undefined || origin === undefined || request.method !== 'OPTIONS') return null;
  if (headerOf(request, 'access-control-request-method') === undefined) return null;
  return { ...nothing, answer: { status: 204, headers: preflightHeaders(cors, origin) } };
}

function rateLimited(retryAfterMs: number): MeridianError {
  return new MeridianError('RateLimited', 'Too many requests.', {
    retryAfterMs: Math.ceil(retryAfterMs),
  });
}
