/**
 * The first look at a request: who sends it, from where, and which route it belongs to. The
 * region is decided after the admission, which knows the tenant.
 */
import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { parseRegionId, type RegionId } from '../../shared/core/region.ts';
import { MeridianError } from '../../shared/errors/meridian-error.ts';
import { countRefusal } from '../../shared/metrics/refusals.ts';
import { clientAddressOf, type ClientAddress } from './core/client-address.ts';
import { hintedPlace, refinePlace } from './core/client-hint.ts';
import { judgeHop, type Hop, type HopRefusal } from './core/hop.ts';
import {
  decideRegion,
  stayAt,
  type ClientPlace,
  type RouteDecision,
  type RoutingPolicy,
} from './core/route-decision.ts';
import { matchRoute } from './core/route-match.ts';
import { normaliseAddress } from './io/address-list.ts';
import type { GatewayRuntime, Route } from './runtime.ts';

export interface Intake {
  /** Path and query as they came. */
  readonly path: string;
  readonly client: ClientAddress;
  readonly place: ClientPlace;
  readonly hop: Hop | null;
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly route: Route;
  /** Comes through a trusted proxy, here or at the gateway that handed it on. */
  readonly isTrusted: boolean;
  /** Region asked for by a trusted caller. */
  readonly override: RegionId | null;
}

/** Throws the MeridianError that the client is to get. */
export function takeIn(runtime: GatewayRuntime, request: IncomingMessage): Intake {
  const path = originForm(request.url ?? '');
  if (hasTwoHosts(request.rawHeaders)) {
    throw new MeridianError('RequestInvalid', 'The request names its host twice.');
  }
  const header = (name: string): string | undefined => headerOf(request, name);
  const hop = hopOf(runtime, request, path);
  const { trusted, config } = runtime;
  const seen = clientAddressOf({
    peer: runtime.peerOf(request.socket),
    header,
    sources: config.addressSources,
    isTrusted: trusted.has,
    normalise: normaliseAddress,
  });
  const client = hop === null ? seen : { ...seen, address: hop.clientAddress };
  const isTrusted = hop?.isTrusted ?? seen.isThroughProxy;
  const isForwarded = hop !== null || isTrusted;
  const given = header('host') ?? header(':authority') ?? '';
  const host = (isForwarded ? header('x-forwarded-host') : undefined) ?? given;
  const question = { host, path: withoutQuery(path), method: request.method ?? 'GET', header };
  const route = matchRoute(runtime.routes, question);
  if (route === null) {
    const details = { httpStatus: 404, hint: 'npx meridian routes lists the routes.' };
    throw new MeridianError('RequestInvalid', 'No route matches the request.', details);
  }
  const wanted = isTrusted && hop === null ? header('meridian-region') : undefined;
  return {
    path,
    client,
    place: clientPlaceOf(runtime, client.address, isTrusted ? header : null),
    hop,
    scheme: hop?.scheme ?? schemeOf(request, isForwarded),
    host,
    route,
    isTrusted,
    override: wanted === undefined ? null : parseRegionId(wanted),
  };
}

type Header = (name: string) => string | undefined;

/** What a trusted caller hints at, else what the address tells. */
export function clientPlaceOf(
  runtime: GatewayRuntime,
  address: string,
  header: Header | null,
): ClientPlace {
  const located = runtime.geo.locate(address);
  const { country, latitude, longitude } = runtime.config.clientHints;
  const isHinted = country !== undefined || latitude !== undefined;
  if (header === null || !isHinted) return located;
  const of = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : header(name);
  const hints = { country: of(country), latitude: of(latitude), longitude: of(longitude) };
  return refinePlace(hintedPlace(hints), located);
}

export interface DecisionFacts {
  readonly route: Route;
  readonly place: ClientPlace;
  readonly tenant: string | null;
  readonly override: RegionId | null;
  readonly sticky: RegionId | null;
  readonly visited: readonly RegionId[];
}

/** Which region serves, counted by its reason. */
export function decide(runtime: GatewayRuntime, facts: DecisionFacts): RouteDecision {
  const decision = reason(runtime, facts);
  const region = decision.kind === 'serve' ? decision.order[0] : undefined;
  runtime.meters.decision(region ?? 'none', decision.why);
  return decision;
}

/** Which region would serve, with the whole reasoning. */
export function reason(runtime: GatewayRuntime, facts: DecisionFacts): RouteDecision {
  const { region } = runtime;
  if (facts.route.isOwnOnly) {
    return { kind: 'serve', order: [region], why: 'own-only', ranking: [] };
  }
  const decision = reasonAmongAll(runtime, facts);
  return facts.route.config.crossRegion === 'never' ? stayAt(region, decision) : decision;
}

function reasonAmongAll(runtime: GatewayRuntime, facts: DecisionFacts): RouteDecision {
  const { regions, region } = runtime;
  const known = regions.facts();
  const isPlain =
    facts.tenant === null &&
    facts.override === null &&
    facts.sticky === null &&
    facts.visited.length === 0;
  const remembered = isPlain ? runtime.decisions.of(known, facts.place) : undefined;
  if (remembered !== undefined) return remembered;
  const decision = decideRegion(known, policyOf(runtime), {
    own: region,
    client: facts.place,
    tenant: facts.tenant,
    sticky: facts.sticky,
    override: facts.override,
    visited: facts.visited,
    draw: Math.random(),
  });
  if (isPlain) runtime.decisions.remember(known, facts.place, decision);
  return decision;
}

function policyOf(runtime: GatewayRuntime): RoutingPolicy {
  const { ownPreferenceMs, panicBelow, spillAbove } = runtime.config.regions;
  return { ownPreferenceMs, panicBelow, spillAbove, residency: runtime.config.residency };
}

/** A header's value, several joined as RFC 9110, section 5.3, allows. */
export function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/** The hop of a request that another gateway hands on; null for clients, forged hops included. */
function hopOf(runtime: GatewayRuntime, request: IncomingMessage, path: string): Hop | null {
  const signed = headerOf(request, 'meridian-hop');
  if (signed === undefined) return null;
  const text = runtime.signer.verify(signed);
  if (text === null) return null;
  const { clock, config, hops, region } = runtime;
  const digest = hopDigest(request, path, headerOf(request, 'x-forwarded-host') ?? '');
  const came = { own: region, digest, nowMs: clock.wallMs() };
  const verdict = judgeHop(text, came, {
    hopsMax: config.regions.hopsMax,
    take: (number) => hops.take(number, clock.monotonicMs()),
  });
  if (verdict.kind === 'accepted') return verdict.hop;
  if (verdict.kind === 'malformed') return null;
  throw hopError(verdict.kind, verdict.why);
}

/** Binds a hop to its request: the same at the gateway that signs and at the one that takes it. */
export function hopDigest({ method }: IncomingMessage, path: string, host: string): string {
  return hash('sha256', `${method ?? 'GET'} ${path} ${host}`, 'base64url');
}

function hopError(kind: HopRefusal, why: string): MeridianError {
  if (kind === 'loop' || kind === 'too-many') {
    const details = { hop: kind, why, httpStatus: 508 };
    return new MeridianError('UpstreamUnavailable', 'No gateway may take the request.', details);
  }
  countRefusal('public', kind === 'expired' ? 'expired' : 'replayed');
  return new MeridianError('Unauthenticated', 'The hop header is refused.', { hop: kind, why });
}

/** Node shows the first one alone; an upstream may go by the other (RFC 9112, section 3.2). */
function hasTwoHosts(raw: readonly string[]): boolean {
  let isNamed = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (name.length !== 4 || name.toLowerCase() !== 'host') continue;
    if (isNamed) return true;
    isNamed = true;
  }
  return false;
}

const unsound = /[^\x21-\xff]/;

/** Path and query of a request target in origin-form, or in absolute-form to this gateway. */
export function originForm(target: string): string {
  // HTTP/2 lets blanks through, which end a target in HTTP/1.1.
  if (unsound.test(target)) throw new MeridianError('RequestInvalid', 'The target is no path.');
  if (target.startsWith('/')) return target;
  if (target === '*') return '/';
  const absolute = /^https?:\/\/[^/?#]*(.*)$/i.exec(target);
  if (absolute === null) throw new MeridianError('RequestInvalid', 'The target is no path.');
  const rest = absolute[1] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The path alone. */
export function withoutQuery(path: string): string {
  const at = path.indexOf('?');
  return at === -1 ? path : path.slice(0, at);
}

function schemeOf(request: IncomingMessage, isForwarded: boolean): 'http' | 'https' {
  const said = isForwarded ? headerOf(request, 'x-forwarded-proto') : undefined;
  if (said === 'https' || said === 'http') return said;
  return 'encrypted' in request.socket ? 'https' : 'http';
}
