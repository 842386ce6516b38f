/** How far the other regions are, and by how much their clocks differ. */
import { Agent, request } from 'undici';
import { acceptsConnections } from '../../../local/process/tcp-check.ts';
import {
  kafkaPlaces,
  type ClusterBase,
  type KafkaPlace,
  type RegionConfig,
} from '../../../../shared/config/cluster-schema.ts';
import { linkConnector } from '../../../../shared/http/secured-link.ts';
import { internalOrigin } from '../../../../shared/runtime/link-security.ts';
import { warning, type Finding } from '../../core/doctor/finding.ts';
import { judgeClock, judgeRoundTrip } from '../../core/doctor/judge-host.ts';

const answerMs = 3000;

export async function checkPeers(cluster: ClusterBase, own: RegionConfig): Promise<Finding[]> {
  const others = cluster.regions.filter(({ id }) => id !== own.id);
  const places = kafkaPlaces(cluster).filter(({ id }) => id !== own.id);
  const found = await Promise.all([
    ...others.map((region) => checkPeer(cluster, region)),
    ...(cluster.kafka.external === undefined ? places : []).map((place) => checkPorts(place)),
  ]);
  return found.flat();
}

async function checkPeer(cluster: ClusterBase, region: RegionConfig): Promise<Finding[]> {
  const { leaseTtlMs } = cluster.policy;
  const asked = await askTwice(internalOrigin(region.host, region.listeners.admin));
  const check = `region ${region.id}`;
  if (asked === null) return [judgeRoundTrip(check, null, leaseTtlMs)];
  return [
    judgeRoundTrip(check, asked.roundTripMs, leaseTtlMs),
    judgeClock(`clock of ${region.id}`, asked.skewMs),
  ];
}

/** The second answer on one connection is timed; its `date` counts whole seconds. */
async function askTwice(origin: string): Promise<{ roundTripMs: number; skewMs: number } | null> {
  const agent = new Agent({ connect: linkConnector('admin', answerMs), pipelining: 1 });
  const ask = async (): Promise<string> => {
    const signal = AbortSignal.timeout(answerMs);
    const reply = await request(new URL('/health', origin), { dispatcher: agent, signal });
    await reply.body.dump();
    return String(reply.headers['date']);
  };
  try {
    await ask();
    const startedMs = performance.now();
    const date = await ask();
    const roundTripMs = performance.now() - startedMs;
    const halfSecond = 500;
    return { roundTripMs, skewMs: Date.parse(date) + halfSecond - (Date.now() - roundTripMs / 2) };
  } catch {
    return null;
  } finally {
    await agent.destroy();
  }
}

/** Ports that other Kafka nodes dial; what answers needs no line of its own. */
async function checkPorts({ id, host, kafka }: KafkaPlace): Promise<Finding[]> {
  const { clientPort, brokerPort, controllerPort, isVoter } = kafka;
  const ports = isVoter ? [clientPort, brokerPort, controllerPort] : [clientPort, brokerPort];
  const answers = await Promise.all(
    ports.map((port) => acceptsConnections({ host, port }, answerMs)),
  );
  const silent = ports.filter((_, index) => answers[index] !== true);
  if (silent.length === 0) return [];
  const found = `port ${silent.join(', ')} of ${host} does not answer`;
  return [warning(`kafka ${id}`, found, 'start it, and let this host reach those ports')];
}
