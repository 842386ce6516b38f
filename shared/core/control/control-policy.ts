/** Folds what changes the policy: whole policies, and regions that come or leave. */
import type { Policy, PolicyRecord, RegionRecord } from './control-record.ts';
import type { ControlState } from './control-state.ts';
import { noEpoch } from '../epoch.ts';
import type { RegionId } from '../region.ts';
import { applied, ignored, type Folded } from './fold-outcome.ts';

export function foldPolicy(state: ControlState, { policy }: PolicyRecord): Folded {
  const current = state.policy;
  if (state.prepare !== null) return ignored(state, 'a change of primary is under way');
  if (policy.version !== (current?.version ?? 0) + 1) {
    return ignored(state, `version ${policy.version} does not follow ${current?.version ?? 0}`);
  }
  const flaw = flawOf(policy, state);
  if (flaw !== null) return ignored(state, flaw);
  // K in force changes only by degrade records within an epoch: the next one starts with the new.
  const k = state.epoch === noEpoch ? policy.k : state.k;
  const kLow = state.epoch === noEpoch ? Math.max(1, policy.k) : state.kLow;
  return applied({ ...state, policy, k, kLow });
}

/** A new region has said hello and ranks last; one that leaves is no longer marked as drained. */
export function foldRegion(state: ControlState, { version, action, region }: RegionRecord): Folded {
  const { policy } = state;
  if (policy === null) return ignored(state, 'there is no policy yet');
  if (policy.regions.includes(region) === (action === 'add')) {
    return ignored(state, action === 'add' ? 'in the policy already' : 'not in the policy');
  }
  if (action === 'add' && !knowsRules(state, region, policy.rules)) {
    return ignored(state, `${region} has not said that it knows rules ${policy.rules}`);
  }
  const others = state.drained.filter((one) => one !== region);
  const changed = (list: readonly RegionId[]): readonly RegionId[] =>
    action === 'add' ? [...list, region] : list.filter((one) => one !== region);
  const next = {
    ...policy,
    ...{ version, regions: changed(policy.regions), priority: changed(policy.priority) },
  };
  return foldPolicy({ ...state, drained: others }, { kind: 'policy', policy: next });
}

/** Why `policy` cannot come into force, in words; null when it can. */
function flawOf(policy: Policy, state: ControlState): string | null {
  const current = state.policy;
  if (current !== null && policy.clusterId !== current.clusterId) return 'of another cluster';
  const regions = new Set(policy.regions);
  if (regions.size !== policy.regions.length) return 'a region is named twice';
  const ranked = new Set(policy.priority);
  const isRanking = ranked.size === policy.priority.length && ranked.size === regions.size;
  if (!isRanking || policy.priority.some((region) => !regions.has(region))) {
    return 'priority does not rank every region once';
  }
  const inUse = [...state.members.map((member) => member.region), state.primary];
  const dropped = inUse.find((region) => region !== null && !regions.has(region));
  if (dropped !== undefined) return `${dropped} is a member or the primary`;
  if (policy.rules !== (current?.rules ?? 1)) {
    const behind = policy.regions.find((region) => !knowsRules(state, region, policy.rules));
    if (behind !== undefined) return `${behind} does not know rules ${policy.rules}`;
  }
  return null;
}

/** Whether the latest hello of `region` knows `rules`. */
export function knowsRules(
  { hellos }: Pick<ControlState, 'hellos'>,
  region: RegionId,
  rules: number,
): boolean {
  return hellos.some((hello) => hello.region === region && hello.maxRules >= rules);
}
