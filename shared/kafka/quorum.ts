/**
 * Kafka's controllers: who votes, and who only follows; voters come and go while it works
 * (KIP-853); the form of their records. Brokers pass on to the leader what they are asked here.
 */
import {
  alterPartitionReassignmentsV0,
  apiVersionsV4,
  Connection,
  createAPI,
  describeQuorumV2,
  FeatureUpgradeTypes,
  metadataV12,
  ResponseError,
  updateFeaturesV1,
  Writer,
  type Reader,
} from '@platformatic/kafka';
import type { LinkTls } from '../runtime/link-security.ts';
import { withDeadline } from '../runtime/sleep.ts';
import { externalKafka, type KafkaAccess } from './external/kafka-access.ts';
import { kafkaRefusal } from './kafka-refusal.ts';

export interface QuorumNode {
  readonly nodeId: number;
  /** As in `meta.properties`: a UUID in URL-safe base64. */
  readonly directoryId: string;
  readonly logEnd: bigint;
  /** How long ago it had all that the leader had, by the leader's clock. */
  readonly behindMs: number;
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
    const leader = currentVoters.find(({ replicaId }) => replicaId === leaderId);
    const nodeAt = (node: DescribedNode): QuorumNode =>
      nodeOf(node, leader?.lastCaughtUpTimestamp ?? 0n);
    return { leaderId, voters: currentVoters.map(nodeAt), observers: observers.map(nodeAt) };
  });
}

export interface NewVoter {
  readonly nodeId: number;
  readonly directoryId: string;
  /** Where the other controllers reach it. */
  readonly host: string;
  readonly port: number;
}

/** Takes a controller in that follows. Throws what Kafka says against it. */
export async function addVoter(target: QuorumTarget, voter: NewVoter): Promise<void> {
  await withConnection(target, (connection) => addRaftVoter.async(connection, voter));
}

/** Leaves a voter out. */
export async function removeVoter(
  target: QuorumTarget,
  voter: Pick<NewVoter, 'nodeId' | 'directoryId'>,
): Promise<void> {
  await withConnection(target, (connection) => removeRaftVoter.async(connection, voter));
}

export interface Placement {
  /** Node id of the broker that leads; -1 for none. */
  readonly leader: number;
  /** A newer leader has a higher one. */
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
}

/** Who holds the one partition of `topic`. */
export async function describePlacement(target: QuorumTarget, topic: string): Promise<Placement> {
  return withConnection(target, (connection) => placementOver(connection, topic));
}

/** The same over an open connection. */
export async function placementOver(connection: Connection, topic: string): Promise<Placement> {
  const reply = await metadataV12.api.async(connection, [topic], false, false);
  const partition = reply.topics[0]?.partitions[0];
  if (partition === undefined) throw new Error(`the broker knows no topic ${topic}`);
  const { leaderId: leader, leaderEpoch, replicaNodes: replicas, isrNodes: inSync } = partition;
  return { leader, leaderEpoch, replicas, inSync };
}

/** Begins to move the one partition of `topic` to `replicas`; copies go when new ones are whole. */
export async function placeReplicas(
  target: QuorumTarget,
  topic: string,
  replicas: readonly number[],
): Promise<void> {
  await withConnection(target, (connection) => placeReplicasOver(connection, topic, replicas));
}

/** The same over an open connection; a copy that only goes is gone at once, its leader too. */
export async function placeReplicasOver(
  connection: Connection,
  topic: string,
  replicas: readonly number[],
): Promise<void> {
  const partitions = [{ partitionIndex: 0, replicas: [...replicas] }];
  await alterPartitionReassignmentsV0.api.async(connection, deadlineMs, false, [
    { name: topic, partitions },
  ]);
}

/** `metadata.version`: the form in which the controllers keep their own records. */
export interface MetadataVersion {
  /** The newest that this node can work with. */
  readonly newest: number;
  /** What it works with now. */
  readonly inForce: number;
}

const metadataFeature = 'metadata.version';

/** As the broker at `target` says: a newer Kafka goes on in the older form until it is raised. */
export async function readMetadataVersion(target: QuorumTarget): Promise<MetadataVersion> {
  return withConnection(target, async (connection) => {
    const reply = await apiVersionsV4.api.async(connection, target.clientId, '1');
    const known = reply.supportedFeatures?.find(({ name }) => name === metadataFeature);
    const inForce = reply.finalizedFeatures?.find(({ name }) => name === metadataFeature);
    if (known === undefined || inForce === undefined) {
      throw new Error(`the broker says nothing of ${metadataFeature}`);
    }
    return { newest: known.maxVersion, inForce: inForce.maxVersionLevel };
  });
}

/** Raises it everywhere. Throws what Kafka says against it, for instance a node that is too old. */
export async function raiseMetadataVersion(target: QuorumTarget, to: number): Promise<void> {
  const upgradeType = FeatureUpgradeTypes.UPGRADE;
  const update = { feature: metadataFeature, maxVersionLevel: to, upgradeType };
  await withConnection(target, (connection) =>
    updateFeaturesV1.api.async(connection, deadlineMs, [update], false),
  );
}

/** AddRaftVoter, version 0: cluster_id timeout_ms voter_id voter_directory_id [listeners]. */
const addRaftVoter = createAPI<[NewVoter], null>(
  80,
  0,
  ({ nodeId, directoryId, host, port }: NewVoter) =>
    Writer.create()
      .appendString(null)
      .appendInt32(deadlineMs)
      .appendInt32(nodeId)
      .appendUUID(uuidOf(directoryId))
      .appendArray([{ name: 'CONTROLLER', host, port }], (writer, listener) => {
        writer.appendString(listener.name).appendString(listener.host);
        writer.appendUnsignedInt16(listener.port);
      })
      .appendTaggedFields(),
  readOutcome,
);

/** RemoveRaftVoter, version 0: cluster_id voter_id voter_directory_id. */
const removeRaftVoter = createAPI<[Pick<NewVoter, 'nodeId' | 'directoryId'>], null>(
  81,
  0,
  ({ nodeId, directoryId }: NewVoter) =>
    Writer.create()
      .appendString(null)
      .appendInt32(nodeId)
      .appendUUID(uuidOf(directoryId))
      .appendTaggedFields(),
  readOutcome,
);

/** Both reply: throttle_time_ms error_code error_message. */
// eslint-disable-next-line max-params -- the client's own signature
function readOutcome(_id: number, key: number, version: number, reader: Reader): null {
  reader.readInt32();
  const code = reader.readInt16();
  const message = reader.readNullableString();
  if (code !== 0) throw new ResponseError(key, version, { '': [code, message] }, { message });
  return null;
}

/** How one broker is let in by another; by one that Meridian did not start, as any client. */
export function accessAsBroker(tls: LinkTls | null): KafkaAccess {
  return externalKafka() ?? (tls === null ? {} : { tls, tlsServerName: true });
}

/** Does `work` over a connection of its own, within a bound. */
export async function withConnection<T>(
  { host, port, clientId, tls }: QuorumTarget,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const limits = { connectTimeout: deadlineMs / 2, requestTimeout: deadlineMs };
  const connection = new Connection(clientId, { ...limits, ...accessAsBroker(tls) });
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

interface DescribedNode {
  readonly replicaId: number;
  readonly replicaDirectoryId: string;
  readonly logEndOffset: bigint;
  readonly lastCaughtUpTimestamp: bigint;
}

function nodeOf(node: DescribedNode, leaderMs: bigint): QuorumNode {
  return {
    nodeId: node.replicaId,
    directoryId: base64Of(node.replicaDirectoryId),
    logEnd: node.logEndOffset,
    behindMs: Math.max(0, Number(leaderMs - node.lastCaughtUpTimestamp)),
  };
}

/** A UUID in Kafka's form. */
function base64Of(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');
}

function uuidOf(base64: string): string {
  return Buffer.from(base64, 'base64url').toString('hex');
}
