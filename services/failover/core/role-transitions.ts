/**
 * The roles of a region as a strict table (HOUSE_STYLE section 2): from, on, to, effects, why. A
 * role changes by a row of it and in no other way. Roles have no side effects; the effects named
 * here are those that the plans begin with after the transition.
 */
import type { Role } from '../../../shared/core/cluster-view.ts';
import type { EffectKind } from './controller-effect.ts';

/** What a region can notice about itself. */
export type Occurrence =
  | 'seeded'
  | 'caughtUp'
  | 'fellBehind'
  | 'storageLost'
  | 'chosen'
  | 'passedOver'
  | 'opened'
  | 'switchoverRead'
  | 'failoverRead'
  | 'leaseLapsed'
  | 'nodeClosed'
  | 'handedOver'
  | 'deposed'
  | 'tailEmpty'
  | 'tailDiverged'
  | 'reseeded';

export interface RoleTransition {
  readonly from: Role;
  readonly on: Occurrence;
  readonly to: Role;
  readonly effects: readonly EffectKind[];
  readonly why: string;
}

/** Rows of one role are tried in this order; the first whose occurrence holds is taken. */
export const roleTransitions: readonly RoleTransition[] = [
  row('joining', 'seeded', 'catching-up', [], 'its data and its log belong together'),

  row('catching-up', 'storageLost', 'joining', ['seedRegionNode'], 'its data are gone'),
  row('catching-up', 'tailDiverged', 'rejoining', [], 'its history goes on beyond a cut'),
  row('catching-up', 'chosen', 'promoting', ['createPublicationAndSlot'], 'the fold chose it'),
  row('catching-up', 'caughtUp', 'replica', [], 'it has caught up with the primary'),

  row('replica', 'storageLost', 'catching-up', [], 'its data are gone'),
  row('replica', 'tailDiverged', 'rejoining', [], 'its history goes on beyond a cut'),
  row('replica', 'chosen', 'promoting', ['createPublicationAndSlot'], 'the fold chose it'),
  row('replica', 'fellBehind', 'catching-up', [], 'it is too far behind to serve'),

  row('promoting', 'opened', 'primary', ['appendControl'], 'its node is open for the epoch'),
  row('promoting', 'passedOver', 'replica', ['closeNode'], 'the fold chose another region'),

  row('primary', 'failoverRead', 'fenced', ['sealNode'], 'a failover was prepared'),
  row('primary', 'deposed', 'fenced', ['closeNode'], 'the fold chose another region'),
  row('primary', 'switchoverRead', 'draining', ['drainNode'], 'a switchover was prepared'),
  row('primary', 'leaseLapsed', 'fenced', ['closeNode'], 'its lease was not renewed in time'),
  row('primary', 'nodeClosed', 'fenced', ['closeNode'], 'its node is not open any more'),

  row('draining', 'failoverRead', 'fenced', ['sealNode'], 'the switchover became a failover'),
  row(
    'draining',
    'chosen',
    'promoting',
    ['createPublicationAndSlot'],
    'the switchover gave it back',
  ),
  row('draining', 'handedOver', 'replica', ['setProgress'], 'its final seal ended the epoch'),
  row('draining', 'deposed', 'fenced', ['closeNode'], 'the epoch ended without its final seal'),

  row('fenced', 'chosen', 'promoting', ['createPublicationAndSlot'], 'the fold chose it again'),
  row('fenced', 'deposed', 'rejoining', ['closeNode'], 'another region is primary now'),
  row('fenced', 'opened', 'primary', [], 'its lease was renewed in the same epoch'),

  row('rejoining', 'tailEmpty', 'catching-up', ['setProgress'], 'its history ends within the cuts'),
  row('rejoining', 'tailDiverged', 'quarantined', ['explain'], 'its history goes on beyond a cut'),
  row('rejoining', 'storageLost', 'quarantined', [], 'its data are gone'),

  row('quarantined', 'tailEmpty', 'catching-up', [], 'its history is within the cuts again'),
  row('quarantined', 'reseeded', 'joining', ['seedRegionNode'], 'its tail is kept; it is seeded'),
];

type Rest = readonly [to: Role, effects: readonly EffectKind[], why: string];

/** The first row of `from` whose occurrence holds; null when the role stays. */
export function transitionOf(
  from: Role,
  holds: (occurrence: Occurrence) => boolean,
): RoleTransition | null {
  return (
    roleTransitions.find((candidate) => candidate.from === from && holds(candidate.on)) ?? null
  );
}

function row(from: Role, on: Occurrence, ...rest: Rest): RoleTransition {
  const [to, effects, why] = rest;
  return { from, on, to, effects, why };
}
