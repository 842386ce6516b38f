/**
 * Whether a region could take over by a switchover now. A planned change begins nothing that the
 * target could not end: asked before the prepare, for a person and for the preferred primary alike.
 */
import { knowsRules } from '../../../../shared/core/control/control-policy.ts';
import { isNeighbour } from '../../../../shared/core/control/program-versions.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import type { ControllerState } from '../controller-state.ts';
import { ownReport } from '../published-view.ts';
import { isPeerLive } from '../situation.ts';

export interface Unfitness {
  readonly why: string;
  /** What to do next. */
  readonly hint: string;
}

/** Why `to` is no target of a switchover, or null when it is one. */
export function unfitness(state: ControllerState, to: RegionId): Unfitness | null {
  const { fold, peers, config } = state;
  if (to !== config.region && !isPeerLive(state, to)) {
    return { why: `${to} does not answer`, hint: 'bring it back, or choose another region' };
  }
  if (!fold.members.some((member) => member.region === to)) {
    const hint = 'wait until `npx meridian status` lists it as a member';
    return { why: `${to} is not a member: it has not caught up`, hint };
  }
  const program = unfitRules(state, to) ?? unfitVersion(state, to);
  if (program !== null) return program;
  const report =
    to === config.region ? ownReport(state) : peers.find((peer) => peer.report.id === to)?.report;
  const { drift = [], diskAlarms = [], lagMs = 0 } = report ?? {};
  if (drift.length > 0) {
    const hint =
      'change it on the primary, or back there by hand; it is compared every two seconds';
    return { why: `${to} differs from the primary: ${drift.join(', ')}`, hint };
  }
  if (diskAlarms.length > 0) {
    const hint = 'make room there, or choose another region';
    return { why: `${to} is short of disk: ${diskAlarms.join('; ')}`, hint };
  }
  if (lagMs !== null && lagMs > config.switchoverLagMs) {
    const hint = `wait until it is below ${config.switchoverLagMs} ms`;
    return { why: `${to} lags ${Math.round(lagMs)} ms behind`, hint };
  }
  return null;
}

/** Who does not run the rules in force stops at the next record of the control log. */
export function unfitRules({ fold }: ControllerState, to: RegionId): Unfitness | null {
  const rules = fold.policy?.rules ?? 1;
  if (knowsRules(fold, to, rules)) return null;
  const hint = 'start it with the version of the other regions';
  return { why: `${to} has not said that it knows rules ${rules}, which are in force`, hint };
}

/** It must be no further than one version from any region that it would lead. */
function unfitVersion(state: ControllerState, to: RegionId): Unfitness | null {
  const versions = liveVersions(state);
  const own = versions.get(to);
  if (own === undefined) return null;
  for (const [region, version] of versions) {
    if (isNeighbour(own, version)) continue;
    const hint = 'upgrade one version after the other: npx meridian upgrade plan';
    return {
      why: `${to} runs ${own} and ${region} ${version}: only neighbours work together`,
      hint,
    };
  }
  return null;
}

/** What each live region says that it runs; one that does not say is left out. */
function liveVersions(state: ControllerState): ReadonlyMap<RegionId, string> {
  const { config, peers } = state;
  const said = peers.flatMap(({ report: { id, version } }) =>
    version === undefined || !isPeerLive(state, id) ? [] : [[id, version] as const],
  );
  return new Map([[config.region, config.programVersion], ...said]);
}
