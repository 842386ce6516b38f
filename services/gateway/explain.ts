/** The gateway's knowledge and reasoning, for `routes explain` and the admin lists. */
import { parseRegionId } from '../../shared/core/region.ts';
import { stickyOf } from './admission.ts';
import { countryOf, matchingRules } from './core/route-decision.ts';
import { groupAt, placeOf } from './core/split.ts';
import { matchRoute } from './core/route-match.ts';
import { usabilityOf } from './core/upstream-choice.ts';
import type { ExplainQuestion } from './http/admin-routes.ts';
import { clientPlaceOf, reason, withoutQuery } from './intake.ts';
import type { BreakerFigures } from './io/circuit-breaker.ts';
import type { GatewayRuntime } from './runtime.ts';

/** How a request of `question.address` would be routed now, with every region's cost. */
export function explainRoute(runtime: GatewayRuntime, question: ExplainQuestion): unknown {
  const { address, host, path, method, tenant, headers } = question;
  const header = (name: string): string | undefined => headers[name];
  const route = matchRoute(runtime.routes, { host, path: withoutQuery(path), method, header });
  const place = clientPlaceOf(runtime, address, header);
  if (route === null) return { address, place, route: null, decision: null };
  const { group: main, canary, id, crossRegion } = route.config;
  const wanted = headers['meridian-region'];
  const decision = reason(runtime, {
    ...{ route, place, tenant, visited: [] },
    override: wanted === undefined ? null : parseRegionId(wanted),
    sticky: stickyOf(runtime, route.config, headers['cookie'])?.region ?? null,
  });
  const first = decision.kind === 'serve' ? (decision.order[0] ?? null) : null;
  const isSentAway = crossRegion === 'redirect' && first !== null && first !== runtime.region;
  const ranks = new Map(decision.ranking.map((ranked) => [ranked.region, ranked]));
  const group = groupAt(main, canary, placeOf(`${id} ${address}`));
  return {
    address,
    place,
    route: id,
    group,
    decision: {
      kind: decision.kind,
      why: decision.why,
      region: first,
      fallbacks: decision.kind === 'serve' && !isSentAway ? decision.order.slice(1) : [],
      crossRegion,
      location: isSentAway ? `${runtime.regions.publicUrlOf(first)}${path}` : null,
    },
    residency: matchingRules(runtime.config.residency, { country: countryOf(place), tenant }),
    regions: runtime.regions.facts().map((facts) => ({
      ...facts,
      isAllowed: ranks.has(facts.id),
      costMs: round(ranks.get(facts.id)?.costMs ?? null),
      latencyMs: round(facts.latencyMs),
      probe: runtime.regions.probeOf(facts.id),
    })),
    upstreams: listUpstreams(runtime).filter((row) => row.group === group),
  };
}

/** The routes in the order in which they are tried. */
export function listRoutes(runtime: GatewayRuntime): readonly unknown[] {
  return runtime.routes.map(({ config }) => config);
}

export interface UpstreamRow {
  readonly group: string;
  readonly upstream: string;
  readonly state: string;
  readonly weight: number;
  readonly inFlight: number;
  readonly latencyMs: number | null;
  readonly limit: number | null;
}

/** Every instance of every group with its state. */
export function listUpstreams(runtime: GatewayRuntime): readonly UpstreamRow[] {
  const nowMs = runtime.clock.monotonicMs();
  return [...runtime.groups.values()].flatMap((group) =>
    group.instances.map((instance) => {
      instance.nowMs = nowMs;
      return {
        group: group.name,
        upstream: instance.id,
        state: usabilityOf(instance),
        weight: instance.weight,
        inFlight: instance.inFlight,
        latencyMs: round(instance.latencyMs),
        limit: group.limit,
      };
    }),
  );
}

export interface BreakerRow extends BreakerFigures {
  readonly group: string;
  readonly upstream: string;
}

/** The circuit breaker of every instance. */
export function listBreakers(runtime: GatewayRuntime): readonly BreakerRow[] {
  const nowMs = runtime.clock.monotonicMs();
  return [...runtime.groups.values()].flatMap((group) =>
    group.instances.map(({ id, breaker }) => ({
      group: group.name,
      upstream: id,
      ...breaker.figures(nowMs),
    })),
  );
}

/** Closes the breakers of `upstream`, of all when it is null; how many there were. */
export function resetBreakers(runtime: GatewayRuntime, upstream: string | null): number {
  const all = [...runtime.groups.values()].flatMap(({ instances }) => instances);
  const chosen = all.filter(({ id }) => upstream === null || id === upstream);
  for (const { breaker } of chosen) breaker.reset();
  return chosen.length;
}

function round(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}
