/**
 * One client that fetches from partition 0 of a topic by plain requests. Every answer has a
 * deadline; a client that misses one is rebuilt and asks another broker first.
 */
import { Consumer } from '@platformatic/kafka';
import { MeridianError, messageOf } from '../errors/meridian-error.ts';
import { withDeadline } from '../runtime/sleep.ts';
import { kafkaAccess } from './external/kafka-access.ts';
import { kafkaRefusal } from './kafka-refusal.ts';
import { LateAnswer } from './late-answer.ts';
import { rotated, type TopicTarget } from './topic.ts';

export interface TopicFetcherOptions extends TopicTarget {
  /** How long a broker holds a fetch that has nothing to answer. */
  readonly maxWaitMs: number;
  /** Bound of connecting, of finding the leader and of an answer beyond `maxWaitMs`. */
  readonly answerDeadlineMs: number;
  /** Bytes asked for at a time; one batch is always answered whole. */
  readonly fetchBytesMax: number;
}

export interface StoredValue {
  readonly offset: bigint;
  readonly value: Uint8Array;
}

export interface FetchedBatch {
  readonly topicId: string;
  readonly values: readonly StoredValue[];
  /** Offset after the last batch answered, which may be above the last value. */
  readonly next: bigint;
  /** Offset after the last acknowledged record. */
  readonly end: bigint;
}

/** What a reading rests on: a client that fetches from one topic. */
export type FetchClient = Pick<TopicFetcher, 'fetch' | 'close'>;

type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>;

export const readUncommitted = 0;
const offsetOutOfRange = 1;

export class TopicFetcher {
  readonly #options: TopicFetcherOptions;
  #client: Consumer | null = null;
  #builds = 0;
  #failures = 0;

  constructor(options: TopicFetcherOptions) {
    this.#options = options;
  }

  /**
   * What follows `offset`, waiting for it up to `maxWaitMs`. Throws LogUnavailable
   * (`details.start`, `details.end`) when the log does not hold `offset`, else the client's error:
   * try again.
   */
  async fetch(offset: bigint, maxWaitMs: number): Promise<FetchedBatch> {
    try {
      const batch = await this.#fetch(offset, maxWaitMs);
      this.#failures = 0;
      return batch;
    } catch (error) {
      if (!(error instanceof MeridianError)) this.#noteFailure(error);
      throw error;
    }
  }

  /** First offset held and the offset after the last; throws the client's error. */
  async bounds(): Promise<{ readonly start: bigint; readonly end: bigint }> {
    const { topic } = this.#options;
    const client = (this.#client ??= this.#build());
    try {
      const asked = (timestamp: bigint): Promise<bigint> =>
        this.#bounded(client.listOffsets({ topics: [topic], timestamp })).then(
          (offsets) => offsets.get(topic)?.[0] ?? 0n,
        );
      const bounds = { start: await asked(-2n), end: await asked(-1n) };
      this.#failures = 0;
      return bounds;
    } catch (error) {
      this.#noteFailure(error);
      throw error;
    }
  }

  /** Ends the connections; a request under way is given up. */
  close(): void {
    if (this.#client !== null) void this.#client.close(true).catch(() => undefined);
    this.#client = null;
  }

  async #fetch(offset: bigint, maxWaitMs: number): Promise<FetchedBatch> {
    const client = (this.#client ??= this.#build());
    const { topic, fetchBytesMax } = this.#options;
    const metadata = await this.#bounded(client.metadata({ topics: [topic] }));
    const found = metadata.topics.get(topic);
    const leader = found?.partitions[0];
    if (found === undefined || leader === undefined) throw new Error(`no topic ${topic} yet`);
    const answer = client.fetch({
      node: leader.leader,
      topics: [{ topicId: found.id, partitions: [fetchedPartition(offset, fetchBytesMax)] }],
      maxWaitTime: maxWaitMs,
      minBytes: 1,
      maxBytes: fetchBytesMax,
      isolationLevel: readUncommitted,
    });
    const response = await this.#bounded(answer.catch(answerWithin), maxWaitMs);
    return { topicId: found.id, ...batchOf(response, offset, topic) };
  }

  #bounded<T>(work: Promise<T>, extraMs = 0): Promise<T> {
    const ms = this.#options.answerDeadlineMs + extraMs;
    work.catch(() => undefined);
    return withDeadline(work, ms, () => new LateAnswer('a request', ms));
  }

  /** A moved leader needs new metadata only; silence and repeated failures a new client. */
  #noteFailure(error: unknown): void {
    this.#failures += 1;
    kafkaRefusal(error);
    if (!(error instanceof LateAnswer) && this.#failures < 2) {
      this.#client?.clearMetadata();
      return;
    }
    const { topic, logger } = this.#options;
    logger.debug({ topic, why: messageOf(error) }, 'kafka reader rebuilt');
    this.close();
  }

  #build(): Consumer {
    const { brokers, clientId, answerDeadlineMs, maxWaitMs } = this.#options;
    const client = new Consumer({
      clientId,
      groupId: clientId,
      bootstrapBrokers: rotated(brokers, this.#builds),
      connectTimeout: Math.ceil(answerDeadlineMs / 2),
      requestTimeout: answerDeadlineMs + maxWaitMs,
      timeout: answerDeadlineMs,
      retries: 0,
      metadataMaxAge: 5000,
      autocreateTopics: false,
      ...kafkaAccess(),
    });
    client.on('error', () => undefined);
    this.#builds += 1;
    return client;
  }
}

/** Partition 0 from `offset` on, whatever its leader's epoch. */
export function fetchedPartition(fetchOffset: bigint, partitionMaxBytes: number) {
  const anyEpoch = { currentLeaderEpoch: -1, lastFetchedEpoch: -1 };
  return { partition: 0, fetchOffset, partitionMaxBytes, ...anyEpoch };
}

/** The client reports error codes of the answer by rejecting; the answer itself says more. */
export function answerWithin(error: unknown): FetchResponse {
  for (const candidate of causesOf(error)) {
    const response = (candidate as { response?: FetchResponse }).response;
    if (response?.responses[0]?.partitions[0]?.errorCode === offsetOutOfRange) return response;
  }
  throw error;
}

function causesOf(error: unknown): unknown[] {
  if (!(error instanceof Error)) return [];
  const inner = error instanceof AggregateError ? error.errors : [];
  return [error, ...inner.flatMap(causesOf), ...causesOf(error.cause)];
}

/** What an answer brings; throws LogUnavailable for an offset that the log does not hold. */
export function batchOf(
  response: FetchResponse,
  offset: bigint,
  topic: string,
): Omit<FetchedBatch, 'topicId'> {
  const partition = response.responses[0]?.partitions[0];
  // An answer of an incremental fetch session leaves out a partition with nothing new.
  if (partition === undefined) return { values: [], next: offset, end: offset };
  const { highWatermark: end, logStartOffset: start } = partition;
  if (partition.errorCode === offsetOutOfRange) {
    throw new MeridianError('LogUnavailable', `the log ${topic} does not hold offset ${offset}`, {
      start: start.toString(),
      end: end.toString(),
    });
  }
  if (partition.errorCode !== 0) throw new Error(`kafka answered error ${partition.errorCode}`);
  const values: StoredValue[] = [];
  let next = offset;
  for (const batch of partition.records ?? []) {
    for (const record of batch.records) {
      const at = batch.firstOffset + BigInt(record.offsetDelta);
      if (at >= offset) values.push({ offset: at, value: record.value ?? new Uint8Array() });
    }
    const afterBatch = batch.firstOffset + BigInt(batch.lastOffsetDelta) + 1n;
    if (afterBatch > next) next = afterBatch;
  }
  return { values, next, end };
}
