/** Every address that a region's processes listen on. */
import type { RegionConfig } from '../../shared/config/cluster-schema.ts';
import type { ListenAddress } from './process/address-check.ts';

/**
 * Those of the agent, the listeners of each Meridian process, Kafka, Redis and PostgreSQL; the
 * section `kafka` of the cluster file says whether Kafka is started at all.
 */
export function addressesOf(
  region: RegionConfig,
  { external }: { readonly external?: unknown } = {},
): ListenAddress[] {
  const redis = region.redis.external === undefined ? region.redis.port : [];
  const own = [region.agentPort, redis, region.sampleUpstreamPort ?? []].flat();
  const { clientPort, brokerPort, controllerPort } = region.kafka;
  const brokers = external === undefined ? [] : [clientPort, brokerPort, controllerPort];
  const all = [...own, ...crossRegionPorts(region)].filter((port) => !brokers.includes(port));
  return all.map((port) => ({ host: region.bind, port }));
}

/** The ports that other regions dial. */
export function crossRegionPorts(region: RegionConfig): number[] {
  const { clientPort, brokerPort, controllerPort, isVoter } = region.kafka;
  const listeners = [region.listeners, ...region.processes.map((process) => process.listeners)];
  return [
    ...new Set([
      ...listeners.flatMap((ports) => [ports.public, ports.admin, ports.peer]),
      clientPort,
      brokerPort,
      ...(isVoter ? [controllerPort] : []),
      ...region.nodes.map(({ port }) => port),
    ]),
  ];
}
