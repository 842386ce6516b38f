/** Kafka's controllers: who votes, and who only follows. */
import { Connection, describeQuorumV2 } from '@platformatic/kafka';
import type { LinkTls } from '../runtime/link-security.ts';
import { withDeadline } from '../runtime/sleep.ts';
import { kafkaRefusal } from './kafka-refusal.ts';

export interface QuorumNode {
  readonly nodeId: number;
  /** As in `meta.properties`: a UUID in URL-safe base64. */
  readonly directoryId: string;
  readonly logEnd: bigint;
}

export interface Quorum {
  readonly leaderId: number;
  readonly voters: readonly QuorumNode[];
  readonly observers: readonly QuorumNode[];
}

export interface QuorumTarget {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  /** A broker's own certificate; null in mode plain. */
  readonly tls: LinkTls | null;
}

const deadlineMs = 5000;

/** As the broker at `target` sees it. */
export async function describeQuorum(target: QuorumTarget): Promise<Quorum> {
  return withConnection(target, async (connection) => {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }];
    const reply = await describeQuorumV2.api.async(connection, topics);
    const partition = reply.topics[0]?.partitions[0];
    if (partition === undefined) throw new Error('the broker describes no quorum');
    const { leaderId, currentVoters, observers } = partition;
    return { leaderId, voters: currentVoters.map(nodeOf), observers: observers.map(nodeOf) };
  });
}

async function withConnection<T>(
  { host, port, clientId, tls }: QuorumTarget,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const secured = tls === null ? {} : { tls, tlsServerName: true };
  const limits = { connectTimeout: deadlineMs / 2, requestTimeout: deadlineMs };
  const connection = new Connection(clientId, { ...limits, ...secured });
  connection.on('error', () => undefined);
  try {
    const done = Promise.resolve(connection.connect(host, port)).then(() => work(connection));
    return await withDeadline(done, 2 * deadlineMs, () => new Error(`${host} does not answer`));
  } catch (error) {
    throw kafkaRefusal(error) ?? error;
  } finally {
    void connection.close().catch(() => undefined);
  }
}

function nodeOf(node: {
  readonly replicaId: number;
  readonly replicaDirectoryId: string;
  readonly logEndOffset: bigint;
}): QuorumNode {
  const directoryId = base64Of(node.replicaDirectoryId);
  return { nodeId: node.replicaId, directoryId, logEnd: node.logEndOffset };
}

/** A UUID in Kafka's form. */
function base64Of(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');
}
