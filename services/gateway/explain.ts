/** The gateway's knowledge and reasoning, for `routes explain` and the admin lists. */
import { matchRoute } from './core/route-match.ts';
import { usabilityOf } from './core/upstream-choice.ts';
import type { ExplainQuestion } from './http/admin-routes.ts';
import { decide } from './intake.ts';
import type { GatewayRuntime } from './runtime.ts';

/** How a request of `question.address` would be routed now, with every region's cost. */
export function explainRoute(runtime: GatewayRuntime, question: ExplainQuestion): unknown {
  const { address, host, path, method } = question;
  const header = (): undefined => undefined;
  const route = matchRoute(runtime.config.routes, { host, path, method, header });
  const place = runtime.geo.locate(address);
  if (route === null) return { address, place, route: null, decision: null };
  const decision = decide(runtime, { route, place, override: null, visited: [] });
  const costs = new Map(decision.ranking.map((ranked) => [ranked.region, ranked]));
  return {
    address,
    place,
    route: route.id,
    group: route.group,
    decision: {
      kind: decision.kind,
      why: decision.why,
      region: decision.kind === 'serve' ? decision.order[0] : null,
      fallbacks: decision.kind === 'serve' ? decision.order.slice(1) : [],
    },
    regions: runtime.regions.facts().map((facts) => ({
      ...facts,
      isAllowed: costs.has(facts.id),
      costMs: round(costs.get(facts.id)?.costMs ?? null),
      latencyMs: round(facts.latencyMs),
    })),
    upstreams: listUpstreams(runtime).filter(({ group }) => group === route.group),
  };
}

/** The routes in the order in which they are tried. */
export function listRoutes(runtime: GatewayRuntime): readonly unknown[] {
  return runtime.config.routes;
}

export interface UpstreamRow {
  readonly group: string;
  readonly upstream: string;
  readonly state: string;
  readonly weight: number;
  readonly inFlight: number;
  readonly latencyMs: number | null;
  readonly failures: number;
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
        failures: instance.failures,
      };
    }),
  );
}

function round(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}
