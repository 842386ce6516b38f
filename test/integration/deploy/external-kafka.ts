/** A Kafka cluster that somebody else runs: SCRAM over TLS by an authority of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { acceptsConnections } from '../../../services/local/process/tcp-check.ts';
import { locatePrograms } from '../../../services/local/programs.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeForeignCertificates, type ForeignCertificates } from './foreign-certificates.ts';

const user = 'shop-kafka';
const password = 'chosen-by-others';
const ports = { clientPort: 9192, brokerPort: 9193, controllerPort: 9194 };

export interface ExternalKafka {
  /** The section `kafka.external` of the cluster file, and its port. */
  readonly section: object;
  readonly clientPort: number;
  readonly secrets: { readonly kafkaPassword: string };
  stop(): Promise<void>;
}

export interface ExternalBroker {
  readonly nodeId: number;
  readonly rack: string;
  readonly host: string;
}

/** Every broker is a controller too; resolves when all answer. Files are in `folder`. */
export async function startExternalKafka(
  brokers: readonly ExternalBroker[],
  folder: string,
): Promise<ExternalKafka> {
  const programs = locatePrograms();
  const newId = (): string => `A${randomBytes(16).toString('base64url').slice(1, 21)}A`;
  const clusterId = newId();
  const controllers = brokers
    .map(({ nodeId, host }) => `${String(nodeId)}@${host}:${ports.controllerPort}:${newId()}`)
    .join(',');
  const certificates = await makeForeignCertificates(brokers.map(({ host }) => host));
  const jvm = ['-Xmx256m', '-Xms64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
  const classes = [...jvm, '-cp', join(programs.kafkaClasspathFolder, '*')];
  const scram = `SCRAM-SHA-512=[name=${user},password=${password}]`;
  const children: ChildProcess[] = brokers.map((broker) => {
    const own = join(folder, String(broker.nodeId));
    mkdirSync(own, { recursive: true });
    const file = join(own, 'server.properties');
    writeFileSync(file, propertiesOf(broker, { brokers, folder: own, certificates }));
    const tool = [...classes, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file];
    const how = ['--initial-controllers', controllers, '--add-scram', scram];
    const made = spawnSync(programs.java, [...tool, ...how]);
    if (made.status !== 0) throw new Error(`format: ${made.stdout.toString()}${made.stderr}`);
    const log = openSync(join(own, 'log'), 'a');
    return spawn(programs.java, [...classes, 'kafka.Kafka', file], { stdio: ['ignore', log, log] });
  });
  for (const { host } of brokers) {
    await eventually(() => acceptsConnections({ host, port: ports.clientPort }), {
      deadlineMs: 90_000,
    });
  }
  return {
    section: { user, authority: certificates.authority },
    clientPort: ports.clientPort,
    secrets: { kafkaPassword: password },
    async stop() {
      const running = children.filter(
        ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
      );
      const gone = running.map((child) => once(child, 'exit'));
      for (const child of running) child.kill('SIGKILL');
      await Promise.all(gone);
    },
  };
}

interface Surroundings {
  readonly brokers: readonly ExternalBroker[];
  readonly folder: string;
  readonly certificates: ForeignCertificates;
}

function propertiesOf(
  { nodeId, rack, host }: ExternalBroker,
  { brokers, folder, certificates }: Surroundings,
): string {
  const { clientPort, brokerPort, controllerPort } = ports;
  const keyFile = join(folder, 'broker.pem');
  writeFileSync(keyFile, `${certificates.key}${certificates.certificate}`, { mode: 0o600 });
  const places = { CLIENT: clientPort, BROKER: brokerPort, CONTROLLER: controllerPort };
  const listeners = Object.entries(places)
    .map(([name, port]) => `${name}://${host}:${port}`)
    .join(',');
  const module = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const properties: Record<string, string | number> = {
    'node.id': nodeId,
    'broker.rack': rack,
    'process.roles': 'broker,controller',
    listeners,
    'advertised.listeners': listeners,
    'listener.security.protocol.map': 'CLIENT:SASL_SSL,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'BROKER',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': brokers
      .map((one) => `${one.host}:${controllerPort}`)
      .join(','),
    'listener.name.client.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
    'listener.name.client.scram-sha-512.sasl.jaas.config': module,
    'listener.name.client.ssl.keystore.type': 'PEM',
    'listener.name.client.ssl.keystore.location': keyFile,
    'log.dirs': join(folder, 'data'),
    'broker.session.timeout.ms': 4500,
    'broker.heartbeat.interval.ms': 1500,
    'replica.lag.time.max.ms': 4000,
    'offsets.topic.replication.factor': 1,
  };
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${String(value)}\n`)
    .join('');
}
