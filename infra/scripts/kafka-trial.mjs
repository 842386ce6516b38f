/**
 * Starts a Kafka node in a folder of its own, ends it once it answers, and has the JVM write down
 * the classes it loaded:
 *
 *   node infra/scripts/kafka-trial.mjs <java> <class path> <empty folder> <archive>
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { repositoryFolder } from './parts.mjs';

const [java = '', classpath = '', folder = '', archive = ''] = process.argv.slice(2);
const startBoundMs = 90_000;
const askAgainMs = 100;
const host = '127.0.0.1';
const clusterId = 'MkU3OEVBNTcwNTJENDM2Qk';
const directoryId = 'AAAAAAAAQACAAAAAAAAAAQ';

const [client = 0, broker = 0, controller = 0] = await freePorts(3);
const listeners = Object.entries({ CLIENT: client, BROKER: broker, CONTROLLER: controller })
  .map(([name, port]) => `${name}://${host}:${port}`)
  .join(',');
const file = join(folder, 'server.properties');
const fixed = readFileSync(join(repositoryFolder, 'infra/kafka/broker.properties'), 'utf8');
writeFileSync(
  file,
  `${fixed}
node.id=1
process.roles=broker,controller
listeners=${listeners}
advertised.listeners=${listeners}
listener.security.protocol.map=CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=${host}:${controller}
log.dirs=${join(folder, 'data')}
`,
);
const jvm = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', classpath];
const quorum = ['--initial-controllers', `1@${host}:${controller}:${directoryId}`];
const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file, ...quorum];
const formatted = spawnSync(java, [...jvm, ...format], { encoding: 'utf8' });
if (formatted.status !== 0) throw new Error(formatted.stderr);

const dump = `-XX:ArchiveClassesAtExit=${archive}`;
const node = spawn(java, [dump, ...jvm, 'kafka.Kafka', file], { stdio: 'ignore' });
process.once('exit', () => node.kill('SIGKILL'));
const ended = once(node, 'exit');
const deadlineMs = performance.now() + startBoundMs;
while (!(await answers(client))) {
  if (node.exitCode !== null) throw new Error(`the node has ended with ${node.exitCode}`);
  if (performance.now() > deadlineMs) throw new Error('the node does not answer');
  await delay(askAgainMs);
}
node.kill('SIGTERM');
await ended;

/** @param {number} port @returns {Promise<boolean>} */
function answers(port) {
  const socket = net.connect({ host, port });
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy());
}

/** @param {number} count @returns {Promise<number[]>} */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, host));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => /** @type {net.AddressInfo} */ (server.address()).port);
  for (const server of servers) server.close();
  return ports;
}
