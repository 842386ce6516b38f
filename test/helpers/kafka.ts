/**
 * Throw-away Kafka clusters (KRaft, combined broker and controller) on loopback addresses of their
 * own: real brokers that tests may stop, freeze and kill.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { eventually } from './eventually.ts';

export interface TestBroker {
  readonly nodeId: number;
  readonly address: string;
  readonly child: () => ChildProcess;
  /** SIGKILL, and waits for the end of the process. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

export interface TestKafka {
  readonly brokers: readonly TestBroker[];
  /** `host:port` of every broker. */
  readonly addresses: readonly string[];
  stop(): Promise<void>;
}

const clusterId = 'MkU3OEVBNTcwNTJENDM2Qk';
const directoryIds = ['AAAAAAAAQACAAAAAAAAAAQ', 'AAAAAAAAQACAAAAAAAAAAg', 'AAAAAAAAQACAAAAAAAAAAw'];
const jvm = ['-Xmx256m', '-Xms128m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const startDeadlineMs = 60_000;

export interface KafkaOptions {
  /** Of the first broker; the others have the next ones. */
  readonly firstAddress?: string;
  /** Instead of the usual ones. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** Starts `count` (1 to 3) brokers, node ids 1 to `count`, and waits until each accepts clients. */
export async function startTestKafka(
  count: number,
  { firstAddress = randomAddress(), properties = {} }: KafkaOptions = {},
): Promise<TestKafka> {
  const folder = await mkdtemp(join(tmpdir(), 'meridian-kafka-'));
  const [network = '', last = ''] = firstAddress.split(/\.(?=\d+$)/);
  const nodes = Array.from({ length: count }, (_, index) => ({
    nodeId: index + 1,
    address: `${network}.${Number(last) + index}`,
    directoryId: directoryIds[index] ?? '',
    folder: join(folder, `node-${index + 1}`),
  }));
  const brokers = await Promise.all(nodes.map((node) => prepareBroker(node, nodes, properties)));
  const stop = async (): Promise<void> => {
    await Promise.all(brokers.map((broker) => broker.kill()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await Promise.all(brokers.map((broker) => broker.start()));
  } catch (error) {
    await stop();
    throw error;
  }
  return { brokers, addresses: nodes.map((node) => `${node.address}:9092`), stop };
}

interface Node {
  readonly nodeId: number;
  readonly address: string;
  readonly directoryId: string;
  readonly folder: string;
}

async function prepareBroker(
  node: Node,
  all: readonly Node[],
  properties: Readonly<Record<string, string>>,
): Promise<TestBroker> {
  const program = await kafkaProgram();
  await mkdir(node.folder, { recursive: true });
  const propertiesFile = join(node.folder, 'server.properties');
  await writeFile(propertiesFile, propertiesOf(node, all, properties));
  const controllers = all.map((one) => `${one.nodeId}@${one.address}:9094:${one.directoryId}`);
  const format = ['format', '-t', clusterId, '-c', propertiesFile];
  const initial = ['--initial-controllers', controllers.join(',')];
  const args = [...program.arguments, 'kafka.tools.StorageTool', ...format, ...initial];
  const formatted = spawnSync(program.java, args, { encoding: 'utf8' });
  if (formatted.status !== 0) throw new Error(`kafka format: ${formatted.stderr}`);
  let child: ChildProcess | null = null;
  return {
    nodeId: node.nodeId,
    address: node.address,
    child() {
      if (child === null) throw new Error('the broker is not running');
      return child;
    },
    async start() {
      child = spawnBroker(program, propertiesFile);
      await eventually(() => canConnect(node.address, 9092), { deadlineMs: startDeadlineMs });
    },
    async kill() {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child?.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function spawnBroker(program: KafkaProgram, file: string): ChildProcess {
  const child = spawn(program.java, [...program.arguments, 'kafka.Kafka', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(join(dirname(file), 'kafka.log'), { flags: 'a' });
  log.on('error', () => undefined);
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  return child;
}

/** The shipped timers of a Meridian region (FAULTS section 1). */
function propertiesOf(
  node: Node,
  all: readonly Node[],
  others: Readonly<Record<string, string>>,
): string {
  const replicas = Math.min(3, all.length);
  const ports = { CLIENT: 9092, BROKER: 9093, CONTROLLER: 9094 };
  const listeners = Object.entries(ports)
    .map(([name, port]) => `${name}://${node.address}:${port}`)
    .join(',');
  const settings: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': node.nodeId,
    'broker.rack': `rack-${node.nodeId}`,
    listeners,
    'advertised.listeners': listeners,
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': all.map((one) => `${one.address}:9094`).join(','),
    'log.dirs': join(node.folder, 'data'),
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': replicas,
    'broker.session.timeout.ms': 1500,
    'broker.heartbeat.interval.ms': 250,
    'controller.quorum.fetch.timeout.ms': 1000,
    'controller.quorum.election.timeout.ms': 500,
    'controller.quorum.election.backoff.max.ms': 500,
    'replica.lag.time.max.ms': 4000,
    'auto.leader.rebalance.enable': 'false',
    ...others,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}`);
  return `${lines.join('\n')}\n`;
}

interface KafkaProgram {
  readonly java: string;
  readonly arguments: readonly string[];
}

async function kafkaProgram(): Promise<KafkaProgram> {
  const file = new URL('../../infra/scripts/parts.mjs', import.meta.url).href;
  const parts = (await import(file)) as {
    findJava(): string | undefined;
    findKafkaClasspathFolder(): string | undefined;
    kafkaArchiveFile(): string;
  };
  const [java, folder] = [parts.findJava(), parts.findKafkaClasspathFolder()];
  if (java === undefined || folder === undefined) throw new Error('Java or Kafka is missing');
  const archive = `-XX:SharedArchiveFile=${parts.kafkaArchiveFile()}`;
  return { java, arguments: [...jvm, archive, '-cp', join(folder, '*')] };
}

function canConnect(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function randomAddress(): string {
  return `127.${80 + randomBelow(170)}.${randomBelow(250)}.2`;
}

function randomBelow(limit: number): number {
  return Math.floor(Math.random() * limit);
}
