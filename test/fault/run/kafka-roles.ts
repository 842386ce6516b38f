/** Which region's broker has which role in Kafka, and what a person can do to its topics. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import { localRegionPaths } from '../../../services/local/region-paths.ts';
import { brokerTls } from '../../../shared/kafka/broker-tls.ts';
import { controlTopicOf } from '../../../shared/kafka/topic.ts';
import type { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';

/** Region of the active controller, as the newest of the brokers' own files says. */
export function kafkaController(cluster: TestCluster): string {
  const states = cluster.regionIds.flatMap((region) => {
    const { kafkaFolder } = localRegionPaths(cluster.stateFolder, region);
    return globSync(join(kafkaFolder, '**/__cluster_metadata-0/quorum-state')).map(
      (file) => JSON.parse(readFileSync(file, 'utf8')) as { leaderId: number; leaderEpoch: number },
    );
  });
  const newest = states.toSorted((a, b) => b.leaderEpoch - a.leaderEpoch)[0];
  return regionOfNode(cluster, newest?.leaderId ?? -1);
}

/** Region of the broker that leads the control topic's partition, as the brokers of `asked` say. */
export async function controlLeader(
  cluster: TestCluster,
  asked: readonly string[] = cluster.regionIds,
): Promise<string> {
  const topic = controlTopicOf(cluster.config.cell);
  return withAdmin(cluster, asked, async (admin) => {
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
    return regionOfNode(cluster, metadata.topics.get(topic)?.partitions[0]?.leader ?? -1);
  });
}

/** How many brokers hold the control topic's partition in step, as the broker of `asked` says. */
async function controlInSync(cluster: TestCluster, asked: string): Promise<number> {
  const topic = controlTopicOf(cluster.config.cell);
  return withAdmin(cluster, [asked], async (admin) => {
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
    return metadata.topics.get(topic)?.partitions[0]?.isr.length ?? 0;
  });
}

/**
 * Resolves once every broker is in step: with one missing, the next would be one too many. Each is
 * asked itself: for seconds after a broker died the others still count it.
 */
export async function brokersInStep(cluster: TestCluster): Promise<void> {
  const regions = cluster.regionIds;
  await eventually(
    async () => {
      const counts = await Promise.all(
        regions.map((id) => controlInSync(cluster, id).catch(() => 0)),
      );
      return counts.every((count) => count === regions.length);
    },
    { deadlineMs: 60_000, intervalMs: 500 },
  );
}

/** Sets one setting of the control topic by hand. */
export async function setControlTopic(
  cluster: TestCluster,
  name: string,
  value: string,
): Promise<void> {
  const configs = [{ name, value, configOperation: 0 } as const];
  const resourceName = controlTopicOf(cluster.config.cell);
  await withAdmin(cluster, cluster.regionIds, (admin) =>
    admin.incrementalAlterConfigs({ resources: [{ resourceType: 2, resourceName, configs }] }),
  );
}

/** Deletes the control topic by hand. */
export async function deleteControlTopic(cluster: TestCluster): Promise<void> {
  const topics = [controlTopicOf(cluster.config.cell)];
  await withAdmin(cluster, cluster.regionIds, (admin) => admin.deleteTopics({ topics }));
}

async function withAdmin<T>(
  cluster: TestCluster,
  asked: readonly string[],
  work: (admin: Admin) => Promise<T>,
): Promise<T> {
  const bootstrapBrokers = asked.map((id) => {
    const { bind, kafka } = cluster.region(id);
    return `${bind}:${kafka?.clientPort ?? 9092}`;
  });
  const tls = brokerTls(cluster.secrets(cluster.regionIds[0] ?? ''));
  const secured = tls === null ? {} : ({ tls, tlsServerName: true } as const);
  const admin = new Admin({ clientId: 'fault', bootstrapBrokers, timeout: 5000, ...secured });
  try {
    return await work(admin);
  } finally {
    await admin.close();
  }
}

function regionOfNode(cluster: TestCluster, nodeId: number): string {
  const region = cluster.config.regions.find(({ kafka }) => kafka?.nodeId === nodeId);
  if (region === undefined) throw new Error(`no region has Kafka node ${nodeId}`);
  return region.id;
}
