/** Moves the leader of a topic's one partition to another of its replicas, where it is in sync. */
import { createAPI, ResponseError, Writer, type Reader } from '@platformatic/kafka';
import { placeReplicas, withConnection, type Placement, type QuorumTarget } from './quorum.ts';

const timeoutMs = 5000;
const preferred = 0;
const electionNotNeeded = 84;

/**
 * Makes broker `nodeId` the preferred replica of `topic`, then the leader. No replica comes or
 * goes. Throws what Kafka says against it, for instance that the broker is not in sync.
 */
export async function moveLeader(
  target: QuorumTarget,
  topic: string,
  { nodeId, replicas }: Pick<Placement, 'replicas'> & { readonly nodeId: number },
): Promise<void> {
  if (replicas[0] !== nodeId) {
    const others = replicas.filter((one) => one !== nodeId);
    await placeReplicas(target, topic, [nodeId, ...others]);
  }
  await withConnection(target, (connection) => electLeaders.async(connection, topic));
}

/** ElectLeaders, version 2: election_type [topic [partition_id]] timeout_ms. */
const electLeaders = createAPI<[string], null>(
  43,
  2,
  (topic: string) =>
    Writer.create()
      .appendInt8(preferred)
      .appendArray([topic], (writer, name) => {
        writer
          .appendString(name)
          .appendArray([0], (inner, id) => inner.appendInt32(id), true, false);
      })
      .appendInt32(timeoutMs)
      .appendTaggedFields(),
  readOutcome,
);

/** throttle_time_ms error_code [topic [partition_id error_code error_message]]. */
// eslint-disable-next-line max-params -- the client's own signature
function readOutcome(_id: number, key: number, version: number, reader: Reader): null {
  reader.readInt32();
  const codes = [reader.readInt16()];
  reader.readArray((topics) => {
    topics.readString();
    topics.readArray((partitions) => {
      partitions.readInt32();
      codes.push(partitions.readInt16());
      partitions.readNullableString();
    });
  });
  const code = codes.find((one) => one !== 0 && one !== electionNotNeeded);
  if (code !== undefined) throw new ResponseError(key, version, { '': [code, null] }, {});
  return null;
}
