/** What a rescue changes in the cluster file, and what the new cluster's first policy is. */
import type { Policy } from '../../../../shared/core/control/control-record.ts';
import type { RegionId } from '../../../../shared/core/region.ts';

/** The parts of a cluster file that matter here. */
export interface ClusterFacts {
  readonly regions: readonly { readonly id: RegionId; readonly kafka: { isVoter: boolean } }[];
  readonly policy: {
    readonly priority: readonly RegionId[];
    readonly k: number;
    readonly leaseTtlMs: number;
    readonly leaseMarginMs: number;
  };
}

export interface NewIds {
  readonly clusterId: string;
  readonly kafkaClusterId: string;
}

export type FileChange = readonly [path: readonly (string | number)[], value: unknown];

/** The region first, the others in their order. */
function rankedFrom(region: RegionId, { policy }: ClusterFacts): readonly RegionId[] {
  return [region, ...policy.priority.filter((id) => id !== region)];
}

/**
 * A new cluster of the same regions: of its ids nothing of the old one is accepted, and Kafka's
 * quorum is the surviving region, because no majority of the old one is left.
 */
export function rescueChanges(
  region: RegionId,
  cluster: ClusterFacts,
  ids: NewIds,
): readonly FileChange[] {
  return [
    [['clusterId'], ids.clusterId],
    [['kafka', 'clusterId'], ids.kafkaClusterId],
    [['policy', 'priority'], rankedFrom(region, cluster)],
    ...cluster.regions.map(({ id }, index): FileChange => [
      ['regions', index, 'kafka', 'isVoter'],
      id === region,
    ]),
  ];
}

/** The policy that the new control log begins with. */
export function rescuePolicy(region: RegionId, cluster: ClusterFacts, clusterId: string): Policy {
  const { k, leaseTtlMs, leaseMarginMs } = cluster.policy;
  return {
    version: 1,
    clusterId,
    regions: cluster.regions.map(({ id }) => id),
    priority: rankedFrom(region, cluster),
    k,
    ttlMs: leaseTtlMs,
    marginMs: leaseMarginMs,
    rules: 1,
  };
}

/**
 * The other regions that answer although they must be gone: null when without them the control log
 * can get no majority any more, so that nothing but a rescue is left.
 */
export function whyNotLost(
  region: RegionId,
  { regions }: ClusterFacts,
  answering: readonly RegionId[],
): string | null {
  const voters = regions.filter(({ kafka }) => kafka.isVoter).map(({ id }) => id);
  const left = voters.filter((id) => id === region || answering.includes(id));
  if (left.length <= voters.length / 2) return null;
  return `${answering.join(' and ')} can be reached: with ${region} they are a majority`;
}
