/** The region's Kafka node: its properties, its formatted folder, its process. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  kafkaPlaces,
  type ClusterBase,
  type KafkaPlace,
} from '../../../shared/config/cluster-schema.ts';
import { checkRoom } from '../process/disk-room.ts';
import { isIP } from 'node:net';
import { tlsFiles } from '../tls-files.ts';
import { acceptsConnections } from '../process/tcp-check.ts';
import { ManagedProcess, type ProcessSpec } from '../process/managed-process.ts';
import { writeFileWhole } from '../process/whole-file.ts';
import { kafkaVersion } from '../programs.ts';
import type { RegionContext } from '../region-context.ts';
import { kafkaRole } from './kafka-role.ts';
import { processFiles } from './process-files.ts';

/** Kafka keeps everything it confirmed in its files; a longer controlled end gains nothing. */
const stopBoundMs = 3000;

/** What is known of the host of a Kafka node: of a region's, or of a witness's. */
export type KafkaContext = Pick<
  RegionContext,
  'cluster' | 'paths' | 'programs' | 'hosts' | 'logger'
> & { readonly region: KafkaPlace; readonly secrets?: RegionContext['secrets'] };

/** The process of the host's Kafka node, not yet started. */
export function createKafkaProcess(context: KafkaContext): ManagedProcess {
  return new ManagedProcess({
    ...processFiles(context, 'kafka'),
    stopSignal: 'SIGTERM',
    stopBoundMs,
    deathSignal: 'SIGKILL',
    logger: context.logger,
    prepare: () => prepareKafka(context),
  });
}

async function prepareKafka(context: KafkaContext): Promise<ProcessSpec> {
  const { region, paths, programs } = context;
  await mkdir(paths.kafkaFolder, { recursive: true });
  await checkRoom(paths.kafkaFolder, 0);
  const propertiesFile = join(paths.kafkaFolder, 'server.properties');
  const fixed = await readFile(
    join(programs.repositoryFolder, 'infra/kafka/broker.properties'),
    'utf8',
  );
  const { isController, isGiving } = await kafkaRole(context, propertiesFile);
  if (isGiving) {
    const why = `by the cluster file ${region.id} gives its vote: npx meridian region move-vote`;
    context.logger.warn({ why }, 'kafka keeps its vote until it has moved');
  }
  await writeFileWhole(propertiesFile, `${fixed}\n${kafkaProperties(context, isController)}`);
  await formatOnce(context, propertiesFile);
  const { clientPort, brokerPort, controllerPort } = region.kafka;
  const ports = [clientPort, brokerPort, ...(isController ? [controllerPort] : [])];
  return {
    program: programs.java,
    version: kafkaVersion(programs.kafkaClasspathFolder),
    args: [...jvmArguments(context), 'kafka.Kafka', propertiesFile],
    env: { PATH: process.env['PATH'] },
    folder: paths.kafkaFolder,
    runAs: null,
    addresses: ports.map((port) => ({ host: region.bind, port })),
    isAnswering: () => acceptsConnections({ host: region.bind, port: clientPort }),
    describeWait: () => describeQuorum(context),
  };
}

function jvmArguments({ cluster, paths, programs, hosts }: KafkaContext): string[] {
  return [
    `-Xmx${String(cluster.kafka.heapMb)}m`,
    '-Xms64m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-XX:+ExitOnOutOfMemoryError',
    '-XX:MaxMetaspaceSize=128m',
    '-Xshare:auto',
    ...(programs.kafkaArchiveFile === null
      ? []
      : [`-XX:SharedArchiveFile=${programs.kafkaArchiveFile}`]),
    ...(isResolvedBy(hosts, cluster) ? [`-Djdk.net.hosts.file=${paths.hostsTextFile}`] : []),
    '-Djava.awt.headless=true',
    `-Dorg.slf4j.simpleLogger.defaultLogLevel=${kafkaLogLevel(cluster.log.level)}`,
    '-Dorg.slf4j.simpleLogger.showDateTime=true',
    '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS',
    '-cp',
    join(programs.kafkaClasspathFolder, '*'),
  ];
}

/** With a hosts file the JVM asks no resolver: only where every name is in it. */
export function isResolvedBy(
  hosts: Readonly<Record<string, string>>,
  cluster: ClusterBase,
): boolean {
  const names = kafkaPlaces(cluster).map(({ host }) => host);
  const isKnown = names.every((host) => isIP(host) > 0 || host in hosts);
  return isKnown && names.some((host) => isIP(host) === 0);
}

/** Kafka says at `info` what Meridian would at `debug`. */
function kafkaLogLevel(level: ClusterBase['log']['level']): string {
  if (level === 'trace') return 'debug';
  return level === 'debug' ? 'info' : level === 'info' ? 'warn' : level;
}

/**
 * After how long a voter that hears nothing of the quorum's leader asks for votes. Voters that ask
 * at the same time vote for themselves and lose a round, so each waits for a time of its own: when
 * the first has connected to the second, that misses the leader too and grants its vote.
 */
function fetchTimeoutMs(nodeId: number): number {
  return 1000 + 200 * (nodeId % 3);
}

/** The settings that differ by region; infra/kafka/broker.properties has the others. */
export function kafkaProperties(
  context: Pick<KafkaContext, 'cluster' | 'region' | 'paths'>,
  isController = context.region.kafka.isVoter,
): string {
  const { cluster, region, paths } = context;
  const { nodeId, clientPort, brokerPort, controllerPort } = region.kafka;
  const isSecured = cluster.security.mode === 'tls';
  const places: [string, number][] = [
    ['CLIENT', clientPort],
    ['BROKER', brokerPort],
    ...(isController ? ([['CONTROLLER', controllerPort]] satisfies [string, number][]) : []),
  ];
  const listeners = (host: string): string =>
    places.map(([name, port]) => `${name}://${host}:${String(port)}`).join(',');
  const properties: Record<string, string> = {
    'node.id': String(nodeId),
    'process.roles': isController ? 'broker,controller' : 'broker',
    'broker.rack': region.id,
    listeners: listeners(region.bind),
    'advertised.listeners': listeners(region.host),
    'listener.security.protocol.map': ['CLIENT', 'BROKER', 'CONTROLLER']
      .map((name) => `${name}:${isSecured ? 'SSL' : 'PLAINTEXT'}`)
      .join(','),
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.fetch.timeout.ms': String(fetchTimeoutMs(nodeId)),
    'controller.quorum.bootstrap.servers': voters(cluster)
      .map(({ host, kafka }) => `${host}:${String(kafka.controllerPort)}`)
      .join(','),
    'log.dirs': join(paths.kafkaFolder, 'data'),
    ...(isSecured ? securedBroker(paths) : {}),
  };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}

/**
 * Certificates on every listener, and access rules that only brokers may pass by: a region's other
 * processes may do what `kafka-access.ts` grants them.
 */
function securedBroker(paths: Pick<RegionContext['paths'], 'tlsFolder'>): Record<string, string> {
  const files = tlsFiles(paths.tlsFolder);
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': files.broker,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': files.authority,
    'ssl.client.auth': 'required',
    'ssl.enabled.protocols': 'TLSv1.3',
    'ssl.protocol': 'TLSv1.3',
    'ssl.principal.mapping.rules': principalRules,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'false',
    'super.users': 'User:broker',
  };
}

/**
 * `User:region.<region>` for Meridian's processes. `User:broker` for every Kafka node: a list of
 * them could not grow without a restart of all brokers.
 */
const principalRules = [
  'RULE:^(OU=(broker), ?CN=[a-z0-9-]+|CN=[a-z0-9-]+, ?OU=(broker))$/broker/',
  'RULE:^OU=region, ?CN=([a-z0-9-]+)$/region.$1/',
  'RULE:^CN=([a-z0-9-]+), ?OU=region$/region.$1/',
  'DEFAULT',
].join(',');

function voters(cluster: Pick<ClusterBase, 'regions' | 'witnesses'>): readonly KafkaPlace[] {
  return kafkaPlaces(cluster).filter(({ kafka }) => kafka.isVoter);
}

/** The first quorum as Kafka's formatting tool takes it: `id@host:port:directoryId,…`. */
export function initialControllers(cluster: RegionContext['cluster']): string {
  return voters(cluster)
    .filter(({ kafka }) => !kafka.joinsLater)
    .map(
      ({ host, kafka }) =>
        `${String(kafka.nodeId)}@${host}:${String(kafka.controllerPort)}:${kafka.directoryId}`,
    )
    .join(',');
}

/** A Kafka node answers once a majority of the voters has chosen a controller. */
async function describeQuorum({ cluster }: KafkaContext): Promise<string> {
  const all = voters(cluster);
  const answering = await Promise.all(
    all.map(({ host, kafka }) => acceptsConnections({ host, port: kafka.controllerPort })),
  );
  const silent = all.filter((_, index) => answering[index] !== true).map(({ id }) => id);
  const needed = Math.floor(all.length / 2) + 1;
  if (all.length - silent.length >= needed) return 'the choice of a controller';
  return `${String(needed)} of ${String(all.length)} voters: ${silent.join(', ')} not there yet`;
}

/** Formats the folder with the quorum of the cluster file; a half-made folder is begun anew. */
async function formatOnce(context: KafkaContext, propertiesFile: string): Promise<void> {
  const { cluster, region, paths, programs } = context;
  const doneFile = join(paths.kafkaFolder, 'formatted');
  if (existsSync(doneFile)) return;
  await rm(join(paths.kafkaFolder, 'data'), { recursive: true, force: true });
  const quorum = quorumArguments(cluster, region.kafka);
  const format = ['format', '-t', cluster.kafka.clusterId, '-c', propertiesFile, ...quorum];
  const tool = [...jvmArguments(context), 'kafka.tools.StorageTool', ...format];
  await runTool(programs.java, tool);
  await writeFile(`${doneFile}.part`, cluster.kafka.clusterId);
  await rename(`${doneFile}.part`, doneFile);
}

/** How a node's folder is formatted: for the first quorum, or for one that works already. */
export function quorumArguments(
  cluster: ClusterBase,
  { isVoter, joinsLater }: KafkaPlace['kafka'],
): string[] {
  if (isVoter && !joinsLater) return ['--initial-controllers', initialControllers(cluster)];
  return isVoter ? ['--no-initial-controllers'] : [];
}

function runTool(program: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-4000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`Kafka's folder cannot be formatted: ${output.trim().slice(-500)}`));
    });
  });
}
