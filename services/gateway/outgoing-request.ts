/** What goes to an upstream or to another region's gateway. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Admission } from './admission.ts';
import { requestHeaders } from './core/header-rules.ts';
import { formatHop, type HopBond } from './core/hop.ts';
import { headerOf, hopDigest, type Intake } from './intake.ts';
import type { OutgoingRequest } from './io/upstream-client.ts';
import type { GatewayRuntime } from './runtime.ts';
import type { Target } from './target-choice.ts';

export interface OutgoingFacts {
  readonly intake: Intake;
  readonly admission: Admission;
  readonly requestId: string;
  readonly target: Target;
  readonly remainingMs: number;
  readonly body: Readable | null;
}

/** The request for `facts.target`. */
export function outgoingRequest(
  runtime: GatewayRuntime,
  request: IncomingMessage,
  facts: OutgoingFacts,
): OutgoingRequest {
  const { headersMs, idleMs } = facts.intake.route.config.timeouts;
  return {
    method: request.method ?? 'GET',
    path: facts.target.kind === 'region' ? facts.intake.path : rewritten(facts.intake),
    headers: outgoingHeaders(runtime, request, facts),
    body: facts.body,
    headersMs,
    idleMs,
  };
}

/** Flat name, value, … */
export function outgoingHeaders(
  runtime: GatewayRuntime,
  request: IncomingMessage,
  facts: Omit<OutgoingFacts, 'body'>,
): string[] {
  const { intake, admission, target } = facts;
  const { config } = intake.route;
  const isRegion = target.kind === 'region';
  const fixedHost = target.kind === 'instance' ? target.instance.target.host : null;
  const isHostKept = isRegion || config.hostHeader === 'preserve';
  const headers = requestHeaders(request.rawHeaders, request.headers.connection, isHostKept);
  if (!isHostKept && fixedHost !== null) headers.push('host', fixedHost);
  const peer = runtime.peerOf(request.socket);
  const chain = intake.client.isThroughProxy ? headerOf(request, 'x-forwarded-for') : undefined;
  const isChained = intake.hop === null && chain !== undefined;
  headers.push('x-forwarded-for', isChained ? `${chain}, ${peer}` : intake.client.address);
  headers.push('x-forwarded-proto', intake.scheme);
  if (intake.host !== '') headers.push('x-forwarded-host', intake.host);
  headers.push('x-request-id', facts.requestId);
  if (request.headers['meridian-deadline-ms'] !== undefined) {
    headers.push('meridian-deadline-ms', String(Math.max(1, Math.floor(facts.remainingMs))));
  }
  if (target.kind === 'region') {
    const digest = hopDigest(request, intake.path, intake.host);
    const bond = { to: target.region, digest, ...runtime.hops.next() };
    headers.push('meridian-hop', signedHop(runtime, intake, bond));
    return headers;
  }
  headers.push('meridian-region', runtime.region, ...admission.requestHeaders);
  return withRules(headers, config.request);
}

/** Flat headers with a route's own rules applied. */
export function withRules(
  headers: string[],
  rules: { readonly set: Readonly<Record<string, string>>; readonly remove: readonly string[] },
): string[] {
  const names = Object.keys(rules.set);
  if (names.length === 0 && rules.remove.length === 0) return headers;
  const gone = new Set([...names, ...rules.remove]);
  const kept: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (!gone.has(name.toLowerCase())) kept.push(name, headers[i + 1] ?? '');
  }
  for (const name of names) kept.push(name, rules.set[name] ?? '');
  return kept;
}

function rewritten({ path, route }: Intake): string {
  const { rewrite, match } = route.config;
  if (rewrite === undefined) return path;
  const rest = path.slice(match.path.length);
  const joined = `${rewrite.replace(/\/$/, '')}/${rest.replace(/^\//, '')}`;
  return rest === '' || rest.startsWith('?') ? `${rewrite}${rest}` : joined;
}

function signedHop(runtime: GatewayRuntime, intake: Intake, bond: HopBond): string {
  return runtime.signer.sign(
    formatHop({
      visited: [...(intake.hop?.visited ?? []), runtime.region],
      clientAddress: intake.client.address,
      scheme: intake.scheme,
      isTrusted: intake.isTrusted,
      atMs: runtime.clock.wallMs(),
      bond,
    }),
  );
}
