/** Which region's broker has which role in Kafka at this moment. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Admin } from '@platformatic/kafka';
import { localRegionPaths } from '../../../services/local/region-paths.ts';
import { controlTopicOf } from '../../../shared/kafka/topic.ts';
import type { TestCluster } from '../../helpers/cluster.ts';

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

/** Region of the broker that leads the control topic's partition. */
export async function controlLeader(cluster: TestCluster): Promise<string> {
  const { regions, cell } = cluster.config;
  const admin = new Admin({
    clientId: 'fault',
    bootstrapBrokers: regions.map(({ bind, kafka }) => `${bind}:${kafka?.clientPort ?? 9092}`),
    timeout: 5000,
  });
  const topic = controlTopicOf(cell);
  try {
    const metadata = await admin.metadata({ topics: [topic], forceUpdate: true });
    return regionOfNode(cluster, metadata.topics.get(topic)?.partitions[0]?.leader ?? -1);
  } finally {
    await admin.close();
  }
}

function regionOfNode(cluster: TestCluster, nodeId: number): string {
  const region = cluster.config.regions.find(({ kafka }) => kafka?.nodeId === nodeId);
  if (region === undefined) throw new Error(`no region has Kafka node ${nodeId}`);
  return region.id;
}
