/**
 * Which region serves a request, and why: residency → override → sticky region → nearest healthy
 * by distance corrected by measured latency → spill-over of load. Draining regions take nothing
 * new. Residency is never given up, whatever else fails.
 */
import type { RegionId } from '../../../shared/core/region.ts';
import { expectedRoundTripMs, type Place } from './great-circle.ts';

export interface RegionFacts {
  readonly id: RegionId;
  readonly location: Place;
  readonly isHealthy: boolean;
  readonly isDraining: boolean;
  /** 0 to 1 and above; null while unknown. */
  readonly load: number | null;
  /** Measured round trip from the own region; null while unknown. */
  readonly latencyMs: number | null;
}

export type ClientPlace =
  | { readonly kind: 'located'; readonly country: string | null; readonly place: Place }
  | { readonly kind: 'country'; readonly country: string }
  | { readonly kind: 'private' }
  | { readonly kind: 'unknown' };

export interface ResidencyRule {
  /** `*` stands for every client, also for one whose country is unknown. */
  readonly countries: readonly string[];
  readonly tenants: readonly string[];
  readonly regions: readonly RegionId[];
}

export interface RoutingPolicy {
  readonly ownPreferenceMs: number;
  readonly panicBelow: number;
  readonly spillAbove: number;
  readonly residency: readonly ResidencyRule[];
}

export interface RegionQuestion {
  readonly own: RegionId;
  readonly client: ClientPlace;
  readonly tenant: string | null;
  readonly sticky: RegionId | null;
  /** Asked for by a trusted caller. */
  readonly override: RegionId | null;
  /** Regions that have handed the request on already. */
  readonly visited: readonly RegionId[];
  /** Uniform in [0, 1): who is spilled over. */
  readonly draw: number;
}

export type Why =
  | 'override'
  | 'sticky'
  | 'own-only'
  | 'no-location'
  | 'nearest'
  | 'spill-over'
  | 'panic'
  | 'handed-on';

export interface Ranked {
  readonly region: RegionId;
  /** Estimated round trip from the client. */
  readonly costMs: number;
  readonly isUsable: boolean;
}

export type RouteDecision =
  | {
      readonly kind: 'serve';
      /** Best first; the others are for when it cannot be reached. */
      readonly order: readonly RegionId[];
      readonly why: Why;
      readonly ranking: readonly Ranked[];
    }
  | {
      readonly kind: 'refuse';
      readonly code: 'ResidencyRefused' | 'UpstreamUnavailable';
      readonly why: 'residency' | 'none-healthy';
      readonly ranking: readonly Ranked[];
    };

/** Decides for one request. */
export function decideRegion(
  regions: readonly RegionFacts[],
  policy: RoutingPolicy,
  question: RegionQuestion,
): RouteDecision {
  const country = countryOf(question.client);
  const allowed = allowedRegions(policy.residency, { country, tenant: question.tenant });
  const candidates = regions.filter(({ id }) => allowed === null || allowed.includes(id));
  if (candidates.length === 0) {
    return { kind: 'refuse', code: 'ResidencyRefused', why: 'residency', ranking: [] };
  }
  const isPanic = healthyShare(candidates) < policy.panicBelow;
  const ranking = rank(regions, candidates, { policy, question, isPanic });
  const usable = ranking.filter(({ isUsable }) => isUsable).map(({ region }) => region);
  if (usable.length === 0) {
    return { kind: 'refuse', code: 'UpstreamUnavailable', why: 'none-healthy', ranking };
  }
  if (question.visited.length > 0 && usable.includes(question.own)) {
    return serve(question.own, 'handed-on', ranking);
  }
  for (const why of ['override', 'sticky'] as const) {
    const wanted = question[why];
    if (wanted !== null && usable.includes(wanted)) return serve(wanted, why, ranking);
  }
  if (isPanic) return serve(drawn(usable, question.draw), 'panic', ranking);
  return spillOver(usable, candidates, { policy, question, ranking });
}

/** Regions that the rules allow for somebody; null: any. Several rules must all be kept. */
export function allowedRegions(
  rules: readonly ResidencyRule[],
  who: { readonly country: string | null; readonly tenant: string | null },
): readonly RegionId[] | null {
  if (rules.length === 0) return null;
  const [first, ...rest] = matchingRules(rules, who).map(({ regions }) => regions);
  if (first === undefined) return null;
  return first.filter((id) => rest.every((others) => others.includes(id)));
}

/** The rules that speak of a client of that country and tenant. */
export function matchingRules(
  rules: readonly ResidencyRule[],
  who: { readonly country: string | null; readonly tenant: string | null },
): readonly ResidencyRule[] {
  return rules.filter(
    ({ countries, tenants }) =>
      countries.includes('*') ||
      (who.country !== null && countries.includes(who.country)) ||
      (who.tenant !== null && tenants.includes(who.tenant)),
  );
}

/** The decision for a route whose requests stay: the own region serves, or none does. */
export function stayAt(own: RegionId, decision: RouteDecision): RouteDecision {
  const { kind, ranking } = decision;
  if (kind === 'refuse') return decision;
  if (decision.order.includes(own)) return { kind, order: [own], why: 'own-only', ranking };
  return { kind: 'refuse', code: 'UpstreamUnavailable', why: 'none-healthy', ranking };
}

interface Circumstances {
  readonly policy: RoutingPolicy;
  readonly question: RegionQuestion;
}

function rank(
  all: readonly RegionFacts[],
  candidates: readonly RegionFacts[],
  { policy, question, isPanic }: Circumstances & { readonly isPanic: boolean },
): readonly Ranked[] {
  const own = all.find(({ id }) => id === question.own);
  const { client } = question;
  const from = client.kind === 'located' ? client.place : own?.location;
  return candidates
    .map((region) => {
      const costMs =
        (from === undefined ? 0 : expectedRoundTripMs(from, region.location)) +
        excessMs(own, region) -
        (region.id === question.own ? policy.ownPreferenceMs : 0);
      const isUsable =
        !region.isDraining &&
        (region.isHealthy || isPanic) &&
        (region.id === question.own || !question.visited.includes(region.id));
      return { region: region.id, costMs, isUsable };
    })
    .toSorted((a, b) => a.costMs - b.costMs);
}

/** How much slower the path to `region` is measured than its distance explains. */
function excessMs(own: RegionFacts | undefined, region: RegionFacts): number {
  if (own === undefined || own.id === region.id || region.latencyMs === null) return 0;
  return Math.max(0, region.latencyMs - expectedRoundTripMs(own.location, region.location));
}

/** The nearest, unless its load sends the drawn share to the next one. */
function spillOver(
  usable: readonly RegionId[],
  candidates: readonly RegionFacts[],
  { policy, question, ranking }: Circumstances & { readonly ranking: readonly Ranked[] },
): RouteDecision {
  const nearest = question.client.kind === 'located' ? 'nearest' : 'no-location';
  let draw = question.draw;
  for (const [place, id] of usable.entries()) {
    const load = candidates.find((region) => region.id === id)?.load ?? 0;
    const share = spilledShare(load, policy.spillAbove);
    if (draw >= share) return serve(id, place === 0 ? nearest : 'spill-over', ranking);
    draw /= share;
  }
  return serve(usable[0] ?? question.own, nearest, ranking);
}

/** 0 up to the threshold, then linear up to 1 at twice its distance from full load. */
export function spilledShare(load: number, threshold: number): number {
  if (load <= threshold) return 0;
  const width = Math.max(0.05, 1 - threshold);
  return Math.min(1, (load - threshold) / (2 * width));
}

/** `first`, then the other usable regions by their rank. */
function serve(first: RegionId, why: Why, ranking: readonly Ranked[]): RouteDecision {
  const others = ranking.filter(({ region, isUsable }) => isUsable && region !== first);
  return { kind: 'serve', order: [first, ...others.map(({ region }) => region)], why, ranking };
}

function healthyShare(regions: readonly RegionFacts[]): number {
  return regions.filter(({ isHealthy }) => isHealthy).length / regions.length;
}

function drawn(regions: readonly RegionId[], draw: number): RegionId {
  const chosen = regions[Math.floor(draw * regions.length)] ?? regions[0];
  if (chosen === undefined) throw new RangeError('no region to draw from');
  return chosen;
}

/** The client's country, when it is known. */
export function countryOf(client: ClientPlace): string | null {
  return client.kind === 'located' || client.kind === 'country' ? client.country : null;
}
