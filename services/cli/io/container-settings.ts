/**
 * Settings of Kafka and Redis for containers of their own: the same as the node agent gives them,
 * with the folders of the official images.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { kafkaProperties, quorumArguments } from '../../local/parts/kafka.ts';
import { redisSettings } from '../../local/parts/redis.ts';
import { regionPaths } from '../../local/region-paths.ts';
import type { ClusterBase, RegionConfig } from '../../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';

export interface ContainerRegion {
  readonly config: ClusterBase;
  readonly region: RegionConfig;
  readonly secrets: Secrets;
}

const infraFolder = resolve(import.meta.dirname, '../../../infra');

/** Writes `kafka.properties`, `kafka.env` (read by infra/docker/kafka.sh) and `redis.conf`. */
export async function writeContainerSettings(
  folder: string,
  { config, region, secrets }: ContainerRegion,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const fixedKafka = await readFile(join(infraFolder, 'kafka/broker.properties'), 'utf8');
  const fixedRedis = await readFile(join(infraFolder, 'redis/redis.conf'), 'utf8');
  const paths = { ...regionPaths('/var/lib'), redisFolder: '/data' };
  const own = kafkaProperties({ cluster: config, region, paths });
  const env = [
    `KAFKA_CLUSTER_ID='${config.kafka.clusterId}'`,
    `KAFKA_QUORUM_ARGUMENTS='${quorumArguments(config, region.kafka).join(' ')}'`,
  ];
  const redis = redisSettings({ region, secrets, paths });
  await writeFile(join(folder, 'kafka.properties'), `${fixedKafka}\n${own}`);
  await writeFile(join(folder, 'kafka.env'), `${env.join('\n')}\n`);
  await writeFile(join(folder, 'redis.conf'), `${fixedRedis}\n${redis}`);
}
