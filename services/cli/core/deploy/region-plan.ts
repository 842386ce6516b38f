/** What `meridian region add|remove` changes in a cluster file. */
import type { FileChange } from '../rescue/rescued-cluster.ts';
import { everyAddress, isNamedHere } from '../../../../shared/core/region.ts';
import { located, readPlace, type PlannedRegion } from './init-plan.ts';

/** The parts of a cluster file that matter here. */
export interface ClusterPlaces {
  readonly regions: readonly Place[];
  readonly witnesses: readonly Place[];
  readonly policy: { readonly priority: readonly string[] };
}

interface Place {
  readonly id: string;
  readonly host: string;
  readonly bind: string;
  readonly kafka: { readonly nodeId: number; readonly isVoter: boolean };
}

export type AddPlan =
  | { readonly kind: 'plan'; readonly region: PlannedRegion; readonly nodeId: number }
  | { readonly kind: 'refused'; readonly why: string };

/** Kafka's node ids are never reused, not even one of a region that left the file long ago. */
const firstNodeId = 1000;
const nodeIds = 1_000_000_000;

/** Reads `ca-central=host4`; `random` is from 0 up to 1. */
export function planAdd(cluster: ClusterPlaces, text: string, random: number): AddPlan {
  const place = readPlace(text);
  if (typeof place === 'string') return { kind: 'refused', why: place };
  const others = [...cluster.regions, ...cluster.witnesses];
  if (others.some(({ id }) => id === place.id)) {
    return { kind: 'refused', why: `${place.id} is in the cluster file already` };
  }
  const isTaken = (one: Place): boolean =>
    one.host === place.host || (place.bind !== everyAddress && one.bind === place.bind);
  const holder = others.find(isTaken);
  if (holder !== undefined) {
    return { kind: 'refused', why: `${holder.id} has that host: each region has its own` };
  }
  const taken = new Set(others.map(({ kafka }) => kafka.nodeId));
  let nodeId = firstNodeId + Math.floor(random * nodeIds);
  while (taken.has(nodeId)) nodeId += 1;
  return { kind: 'plan', region: located(place), nodeId };
}

/** The changes that put `entry`, the whole section of the region, into the file. */
export function addChanges(
  cluster: ClusterPlaces,
  region: PlannedRegion,
  entry: object,
): readonly FileChange[] {
  const { id, host, bind } = region;
  return [
    [['regions', cluster.regions.length], entry],
    [['policy', 'priority', cluster.policy.priority.length], id],
    ...(isNamedHere(region) ? ([[['hosts', host], bind]] satisfies FileChange[]) : []),
  ];
}

export type RemovePlan =
  | { readonly kind: 'plan'; readonly paths: readonly (readonly (string | number)[])[] }
  | { readonly kind: 'refused'; readonly why: string };

/** The paths to delete from the file. */
export function planRemove(cluster: ClusterPlaces, id: string): RemovePlan {
  const index = cluster.regions.findIndex((one) => one.id === id);
  const region = cluster.regions[index];
  if (region === undefined) return { kind: 'refused', why: `the file has no region ${id}` };
  if (region.kafka.isVoter) {
    const why = `the Kafka node of ${id} has a vote and a copy of the control log`;
    return { kind: 'refused', why };
  }
  const rank = cluster.policy.priority.indexOf(id);
  return {
    kind: 'plan',
    paths: [
      ['regions', index],
      ['policy', 'priority', rank],
      ['hosts', region.host],
    ],
  };
}
