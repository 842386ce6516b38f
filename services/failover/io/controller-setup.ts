/** What the parts of a controller are told once, from the cluster file. */
import { randomUUID } from 'node:crypto';
import {
  brokerAddress,
  kafkaPlaces,
  regionOfConfig,
  type ClusterBase,
  type RegionConfig,
} from '../../../shared/config/cluster-schema.ts';
import { programVersion } from '../../../shared/config/program-version.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { controlTopicShape, dataTopicShape } from '../../../shared/kafka/admin.ts';
import { quorumTarget } from '../../../shared/kafka/quorum-target.ts';
import { controlTopicOf, dataTopicOf, type TopicTarget } from '../../../shared/kafka/topic.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { internalOrigin } from '../../../shared/runtime/link-security.ts';
import type { ControllerConfig } from '../core/controller-config.ts';
import type { NodeAccess, NodePlace } from './node-connection.ts';
import type { LogBroker, LogLeaderOptions } from './relay/log-leader-keeper.ts';
import type { ControlConnection, ControlVoter } from './relay/connect-control-log.ts';
import type { Peer } from './watch/peer-reports.ts';
import type { KeptTopic } from './topic-keeper.ts';

export interface SetupInputs {
  readonly cluster: ClusterBase;
  readonly region: RegionConfig;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The section `failover` of the cluster file carries the same names as the core's bounds. */
export type Bounds = Pick<
  ControllerConfig,
  | 'drainMs'
  | 'switchoverMs'
  | 'failoverBackoffMs'
  | 'preferredPrimary'
  | 'preferredQuietMs'
  | 'switchoverLagMs'
  | 'checkpointIntervalMs'
>;

/** A new incarnation with each call. */
export function controllerConfigOf(
  cluster: ClusterBase,
  region: RegionConfig,
  bounds: Bounds,
): ControllerConfig {
  const { policy, durability } = cluster;
  const [first, ...others] = region.nodes.map(({ id }) => id);
  const { preferredPrimary } = bounds;
  if (preferredPrimary !== null && cluster.regions.every(({ id }) => id !== preferredPrimary)) {
    const why = `failover.preferredPrimary: there is no region ${preferredPrimary}`;
    throw new MeridianError('ConfigInvalid', why, {
      hint: `one of ${cluster.regions.map(({ id }) => id).join(', ')}`,
    });
  }
  if (first === undefined) throw new RangeError(`region ${region.id} has no node`);
  return {
    clusterId: cluster.clusterId,
    cell: cluster.cell,
    region: region.id,
    regionName: region.name,
    programVersion,
    incarnation: randomUUID(),
    nodes: [first, ...others],
    policy: {
      clusterId: cluster.clusterId,
      regions: cluster.regions.map(({ id }) => id),
      priority: policy.priority,
      k: policy.k,
      ttlMs: policy.leaseTtlMs,
      marginMs: policy.leaseMarginMs,
    },
    renewIntervalMs: policy.renewIntervalMs,
    nodeRecoveryMs: policy.nodeRecoveryMs,
    memberTimeoutMs: policy.memberTimeoutMs,
    degradeAfterMs: durability.whenUnconfirmed === 'degrade' ? durability.degradeAfterMs : null,
    ...bounds,
  };
}

/** Address of a node of any region. */
export function placeOf(cluster: ClusterBase, id: RegionId, node: NodeId): NodePlace {
  const region = regionOfConfig(cluster, id);
  const found = region.nodes.find((candidate) => candidate.id === node);
  if (found === undefined) throw new RangeError(`region ${id} has no node ${node}`);
  return { host: region.host, port: found.port };
}

/** How a node of the region is reached as its owner. */
export function nodeAccessOf({ cluster, secrets }: NodeAccessInputs): NodeAccess {
  return { database: cluster.database, password: secrets.shared.postgres.owner };
}

interface NodeAccessInputs {
  readonly cluster: ClusterBase;
  readonly secrets: Secrets;
}

/** Peer listeners of the other regions. */
export function peersOf({ cluster, region }: SetupInputs): readonly Peer[] {
  return cluster.regions
    .filter(({ id }) => id !== region.id)
    .map(({ id, host, listeners }) => ({
      region: id,
      origin: internalOrigin(host, listeners.peer),
    }));
}

export function controlTarget(inputs: SetupInputs): TopicTarget {
  return targetOf(inputs, controlTopicOf(inputs.cluster.cell));
}

/** The brokers that vote on the control log, by the region or witness they are in. */
export function controlVoters({ cluster }: SetupInputs): readonly ControlVoter[] {
  return kafkaPlaces(cluster)
    .filter(({ kafka }) => kafka.isVoter)
    .map((place) => ({ region: place.id, address: brokerAddress(place) }));
}

/** The region's own data topic. */
export function dataTarget(inputs: SetupInputs): TopicTarget {
  return targetOf(inputs, dataTopicOf(inputs.cluster.cell, inputs.region.id));
}

/** The cluster's control topic and the region's own data topic. */
export function keptTopics(
  inputs: SetupInputs,
  control: Pick<ControlConnection, 'mayBeMade'>,
): readonly KeptTopic[] {
  const { cluster, region } = inputs;
  return [
    {
      target: controlTarget(inputs),
      shape: controlTopicShape(kafkaPlaces(cluster).map(({ kafka }) => kafka)),
      mayBeMade: () => control.mayBeMade(),
    },
    {
      target: dataTarget(inputs),
      shape: dataTopicShape(region.kafka.nodeId),
    },
  ];
}

/** Where the control topic's copies and leader are looked up and moved; whose each broker is. */
export function logLeaderPlace(
  { cluster, region, logger, clock }: SetupInputs,
  secrets: Secrets,
): Omit<LogLeaderOptions, 'everyMs'> {
  const clientId = `meridian-controller-${region.id}`;
  const target = quorumTarget({ region, secrets }, clientId);
  const places = kafkaPlaces(cluster);
  const brokers = places.map(({ id, host, kafka }): LogBroker => {
    const { nodeId, isVoter } = kafka;
    const at = { ...target, host: kafka.host ?? host, port: kafka.clientPort };
    return { nodeId, region: id, isVoter, target: at };
  });
  return {
    topic: controlTopicOf(cluster.cell),
    ...{ target, brokers, logger, clock },
    copies: controlTopicShape(places.map(({ kafka }) => kafka)).replicas.length,
    nodes: new Map(places.map(({ id, kafka }) => [kafka.nodeId, id])),
  };
}

/** The own broker is asked first, then the others in the order of the cluster file. */
function targetOf({ cluster, region, logger, clock }: SetupInputs, topic: string): TopicTarget {
  const others = kafkaPlaces(cluster).filter(({ id }) => id !== region.id);
  return {
    brokers: [region, ...others].map(brokerAddress),
    clientId: `meridian-controller-${region.id}`,
    topic,
    logger,
    clock,
  };
}
