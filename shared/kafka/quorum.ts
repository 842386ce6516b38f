/**
 * Kafka's controllers: who votes, who only follows, and the requests that take a node into the
 * quorum or out of it while it runs (KIP-853). The client library knows the first one only.
 */
import {
  Connection,
  createAPI,
  describeQuorumV2,
  ResponseError,
  Writer,
  type Reader,
} from '@platformatic/kafka';
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

export interface NewVoter {
  readonly nodeId: number;
  readonly directoryId: string;
  readonly host: string;
  readonly controllerPort: number;
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

/** Takes a node that follows the quorum into it. */
export async function addVoter(target: QuorumTarget, voter: NewVoter): Promise<void> {
  await withConnection(target, (connection) => addRaftVoter.async(connection, voter));
}

/** Takes a voter out; the directory says which life of the node is meant. */
export async function removeVoter(
  target: QuorumTarget,
  voter: Pick<QuorumNode, 'nodeId' | 'directoryId'>,
): Promise<void> {
  await withConnection(target, (connection) => removeRaftVoter.async(connection, voter));
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

/** `AddRaftVoter` version 0: cluster_id timeout_ms voter_id voter_directory_id [listeners]. */
const addRaftVoter = createAPI<[voter: NewVoter], void>(
  80,
  0,
  ({ nodeId, directoryId, host, controllerPort }: NewVoter) =>
    Writer.create()
      .appendString(null)
      .appendInt32(deadlineMs)
      .appendInt32(nodeId)
      .appendUUID(uuidOf(directoryId))
      .appendArray([host], (writer, name) =>
        writer.appendString('CONTROLLER').appendString(name).appendUnsignedInt16(controllerPort),
      )
      .appendTaggedFields(),
  readOutcome,
);

/** `RemoveRaftVoter` version 0: cluster_id voter_id voter_directory_id. */
const removeRaftVoter = createAPI<[voter: Pick<QuorumNode, 'nodeId' | 'directoryId'>], void>(
  81,
  0,
  ({ nodeId, directoryId }: Pick<QuorumNode, 'nodeId' | 'directoryId'>) =>
    Writer.create()
      .appendString(null)
      .appendInt32(nodeId)
      .appendUUID(uuidOf(directoryId))
      .appendTaggedFields(),
  readOutcome,
);

/** Both answer: throttle_time_ms error_code error_message. */
function readOutcome(...[, apiKey, apiVersion, reader]: [number, number, number, Reader]): void {
  reader.readInt32();
  const code = reader.readInt16();
  const message = reader.readNullableString();
  reader.readTaggedFields();
  if (code !== 0) throw new ResponseError(apiKey, apiVersion, { '': [code, message] }, {});
}

/** `xxxxxxxx-xxxx-…` for Kafka's base64 form. */
export function uuidOf(base64: string): string {
  const hex = Buffer.from(base64, 'base64url').toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function base64Of(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');
}
