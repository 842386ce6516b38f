/**
 * What the containers of a region mount at `/settings`: settings of Kafka and Redis as the node
 * agent gives them, with the folders of the official images; host names, and the certificates of
 * mode tls.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isResolvedBy, kafkaProperties, quorumArguments } from '../../local/parts/kafka.ts';
import { redisSettings } from '../../local/parts/redis.ts';
import { writeFileWhole } from '../../local/process/whole-file.ts';
import { hostsOf, hostsText } from '../../local/region-context.ts';
import { regionPaths } from '../../local/region-paths.ts';
import { writeBrokerFiles, writeTlsFiles } from '../../local/tls-files.ts';
import type { ClusterBase, RegionConfig } from '../../../shared/config/cluster-schema.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';

export interface ContainerRegion {
  readonly config: ClusterBase;
  readonly region: RegionConfig;
  readonly secrets: Secrets;
}

const infraFolder = resolve(import.meta.dirname, '../../../infra');
/** Where the containers see the folder. */
const mountedAt = '/settings';
/** Kafka's container has a user of its own, in the group of the others. */
const forGroup = { mode: 0o640 };
const forOwner = { mode: 0o600 };

/**
 * Writes `kafka.properties`, `kafka.env` (read by infra/docker/kafka.sh), `redis.conf`, `hosts` and
 * `hosts.json`, and `tls/`.
 */
export async function writeContainerSettings(
  folder: string,
  { config, region, secrets }: ContainerRegion,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  const fixedKafka = await readFile(join(infraFolder, 'kafka/broker.properties'), 'utf8');
  const fixedRedis = await readFile(join(infraFolder, 'redis/redis.conf'), 'utf8');
  const tlsFolder = join(mountedAt, 'tls');
  const paths = { ...regionPaths('/var/lib'), redisFolder: '/data', tlsFolder };
  const own = kafkaProperties({ cluster: config, region, paths });
  const hosts = hostsOf(config, region, {});
  const jvm = isResolvedBy(hosts, config)
    ? [`KAFKA_OPTS='-Djdk.net.hosts.file=${join(mountedAt, 'hosts')}'`]
    : [];
  const env = [
    `KAFKA_CLUSTER_ID='${config.kafka.clusterId}'`,
    `KAFKA_QUORUM_ARGUMENTS='${quorumArguments(config, region.kafka).join(' ')}'`,
    ...jvm,
  ];
  const redis = redisSettings({ region, secrets, paths });
  const texts = {
    'kafka.properties': `${fixedKafka}\n${own}`,
    'kafka.env': `${env.join('\n')}\n`,
    hosts: hostsText(hosts),
    'hosts.json': JSON.stringify(hosts, null, 2),
  };
  for (const [name, text] of Object.entries(texts)) {
    await writeFileWhole(join(folder, name), text, forGroup);
  }
  await writeFileWhole(join(folder, 'redis.conf'), `${fixedRedis}\n${redis}`, forOwner);
  await writeCertificates(join(folder, 'tls'), secrets);
}

async function writeCertificates(folder: string, secrets: Secrets): Promise<void> {
  const { authority } = secrets.shared;
  const broker = secrets.own.certificates?.broker;
  await mkdir(folder, { recursive: true, mode: 0o750 });
  await writeTlsFiles(folder, secrets);
  await writeBrokerFiles(folder, { authority, broker }, forGroup);
}
