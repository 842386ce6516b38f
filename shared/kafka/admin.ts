/**
 * Creates Meridian's topics with explicit placement and checks those that exist: a control topic
 * that one region alone could decide, or that acknowledges before it is on disk, is refused with
 * the difference named.
 */
import { Admin, ConfigResourceTypes } from '@platformatic/kafka';
import { MeridianError } from '../errors/meridian-error.ts';
import { withDeadline } from '../runtime/sleep.ts';
import { kafkaAccess } from './external/kafka-access.ts';
import { kafkaRefusal } from './kafka-refusal.ts';
import { dataMessageBytesMax, type TopicTarget } from './topic.ts';

/** Bound of each administrative step. */
const stepDeadlineMs = 5000;

const replicasMax = 3;
/** A lost leader of three copies is left out until it is back. */
const copiesMin = 2;

/** What a topic must be like. */
export interface TopicShape {
  /** Broker node ids that hold the one partition; order gives the preferred leader. */
  readonly replicas: readonly number[];
  /** As many of these, or more, are as good: each is in a failure domain of its own. */
  readonly among?: readonly number[];
  readonly settings: Readonly<Record<string, string>>;
}

export interface VoterBroker {
  readonly nodeId: number;
  readonly isVoter: boolean;
}

/**
 * Made with one replica per voter region, at most three, the first region's broker preferred as
 * leader. Where votes have moved, other regions hold as many.
 */
export function controlTopicShape(brokers: readonly VoterBroker[]): TopicShape {
  const replicas = brokers
    .filter((broker) => broker.isVoter)
    .slice(0, replicasMax)
    .map((broker) => broker.nodeId);
  return {
    replicas,
    among: brokers.map(({ nodeId }) => nodeId),
    settings: {
      'min.insync.replicas': replicas.length >= replicasMax ? '2' : '1',
      'unclean.leader.election.enable': 'false',
      'flush.messages': '1',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'cleanup.policy': 'delete',
    },
  };
}

/** Only on the region's own broker; acknowledged when it is on disk. */
export function dataTopicShape(nodeId: number): TopicShape {
  return {
    replicas: [nodeId],
    settings: {
      'min.insync.replicas': '1',
      'unclean.leader.election.enable': 'false',
      'flush.messages': '1',
      'retention.ms': '-1',
      'retention.bytes': '-1',
      'cleanup.policy': 'delete',
      'max.message.bytes': String(dataMessageBytesMax + 1024 * 1024),
    },
  };
}

/**
 * Makes sure that the topic exists in `shape`. Throws ConfigInvalid when an existing one differs
 * and LogUnavailable when Kafka does not answer; both may be tried again.
 */
export async function ensureTopic(
  target: TopicTarget,
  shape: TopicShape,
  mayBeMade: () => boolean | null = () => true,
): Promise<void> {
  await withAdmin(target, async (admin) => {
    const found = await placementOf(admin, target.topic);
    if (found === null) {
      checkMayBeMade(target.topic, mayBeMade());
      await create(admin, target.topic, shape);
    }
    await check(admin, target.topic, shape);
  });
}

/** Deletes the records of partition 0 before `before`, or all of them; offsets go on growing. */
export async function deleteRecords(target: TopicTarget, before: bigint | null): Promise<void> {
  await withAdmin(target, async (admin) => {
    const partitions = [{ partition: 0, offset: before ?? -1n }];
    await bounded(admin.deleteRecords({ topics: [{ name: target.topic, partitions }] }));
  });
}

/** Offset of the first record of partition 0 from `unixMs` on; null when none is so new. */
export async function offsetAtTime(target: TopicTarget, unixMs: number): Promise<bigint | null> {
  return withAdmin(target, async (admin) => {
    const partitions = [{ partitionIndex: 0, timestamp: BigInt(Math.floor(unixMs)) }];
    const listed = await bounded(
      admin.listOffsets({ topics: [{ name: target.topic, partitions }] }),
    );
    const offset = listed[0]?.partitions[0]?.offset ?? -1n;
    return offset < 0n ? null : offset;
  });
}

async function withAdmin<T>(target: TopicTarget, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({
    clientId: target.clientId,
    bootstrapBrokers: [...target.brokers],
    connectTimeout: stepDeadlineMs / 2,
    requestTimeout: stepDeadlineMs,
    timeout: stepDeadlineMs,
    retries: 1,
    retryDelay: 250,
    autocreateTopics: false,
    ...kafkaAccess(),
  });
  admin.on('error', () => undefined);
  try {
    return await work(admin);
  } catch (error) {
    if (error instanceof MeridianError) throw error;
    const refusal = kafkaRefusal(error);
    if (refusal !== null) throw refusal;
    throw new MeridianError(
      'LogUnavailable',
      'Kafka does not answer administrative requests',
      { topic: target.topic },
      error,
    );
  } finally {
    void admin.close().catch(() => undefined);
  }
}

/** A log that was read is gone: an empty one in its place would begin anew what was decided. */
function checkMayBeMade(topic: string, mayBeMade: boolean | null): void {
  if (mayBeMade === true) return;
  if (mayBeMade === null) {
    throw new MeridianError('LogUnavailable', `whether ${topic} may be made is not known yet`);
  }
  throw new MeridianError('ConfigInvalid', `the topic ${topic} is gone`, {
    hint:
      'it was deleted, and nothing can be decided without it: stop every region and rescue the ' +
      'one that was primary (meridian rescue)',
  });
}

async function create(admin: Admin, topic: string, shape: TopicShape): Promise<void> {
  try {
    await bounded(
      admin.createTopics({
        topics: [topic],
        assignments: [{ partition: 0, brokers: [...shape.replicas] }],
        configs: Object.entries(shape.settings).map(([name, value]) => ({ name, value })),
      }),
    );
  } catch (error) {
    // Every region that finds the topic missing creates it; the others come second.
    if (!hasCode(error, 'TOPIC_ALREADY_EXISTS')) throw error;
  }
}

async function check(admin: Admin, topic: string, shape: TopicShape): Promise<void> {
  const replicas = await placementOf(admin, topic);
  if (replicas === null) throw new Error(`the topic ${topic} is not visible yet`);
  const resources = [{ resourceType: ConfigResourceTypes.TOPIC, resourceName: topic }];
  const described = await bounded(
    admin.describeConfigs({
      resources: resources.map((resource) => ({
        ...resource,
        configurationKeys: Object.keys(shape.settings),
      })),
    }),
  );
  const configs = described[0]?.configs ?? [];
  const settings = Object.fromEntries(configs.map(({ name, value }) => [name, value ?? '']));
  const differences = differencesOf(shape, { replicas, settings });
  if (differences.length === 0) return;
  throw new MeridianError('ConfigInvalid', `the topic ${topic} is not as it must be`, {
    differences,
    hint: `alter the topic so that ${differences.join('; ')}`,
  });
}

/** In words, what about `found` is not as `wanted`; the order of replicas does not matter. */
export function differencesOf(wanted: TopicShape, found: TopicShape): string[] {
  const sorted = (ids: readonly number[]): string => ids.toSorted((a, b) => a - b).join(',');
  const { among } = wanted;
  const isPlaced =
    among === undefined
      ? sorted(wanted.replicas) === sorted(found.replicas)
      : found.replicas.length >= Math.min(wanted.replicas.length, copiesMin) &&
        found.replicas.every((nodeId) => among.includes(nodeId));
  const placement = isPlaced
    ? []
    : [`replicas are on ${sorted(wanted.replicas)} instead of ${sorted(found.replicas)}`];
  const settings = Object.entries(wanted.settings)
    .filter(([name, value]) => found.settings[name] !== value)
    .map(([name, value]) => `${name} is ${value} instead of ${found.settings[name] ?? 'unset'}`);
  return [...placement, ...settings];
}

/** Node ids of the replicas, or null when the topic does not exist. */
async function placementOf(admin: Admin, topic: string): Promise<readonly number[] | null> {
  try {
    const metadata = await bounded(admin.metadata({ topics: [topic], forceUpdate: true }));
    return metadata.topics.get(topic)?.partitions[0]?.replicas ?? null;
  } catch (error) {
    // The client turns the broker's code into an error of its own that has none.
    const isUnknown = error instanceof Error && error.message.startsWith('Unknown topic');
    if (isUnknown || hasCode(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return null;
    throw error;
  }
}

function bounded<T>(work: Promise<T>): Promise<T> {
  const deadlineMs = 2 * stepDeadlineMs + 250;
  return withDeadline(work, deadlineMs, () => new Error(`no answer within ${deadlineMs} ms`));
}

function hasCode(error: unknown, code: string): boolean {
  if (!(error instanceof Error)) return false;
  if ('apiId' in error && error.apiId === code) return true;
  const inner: unknown[] = error instanceof AggregateError ? error.errors : [];
  return [...inner, error.cause].some((candidate) => hasCode(candidate, code));
}
