/**
 * Fetches from partition 0 of a stretched topic at whoever leads it. An answer without news proves
 * nothing: an old leader that is cut off goes on answering, so the others are asked now and then.
 */
import { fetchV17 } from '@platformatic/kafka';
import { MeridianError } from '../errors/meridian-error.ts';
import { withDeadline } from '../runtime/sleep.ts';
import { kafkaRefusal } from './kafka-refusal.ts';
import { LeaderLines, type Leader } from './leader-lines.ts';
import {
  answerWithin,
  batchOf,
  fetchedPartition,
  readUncommitted,
  type FetchedBatch,
  type TopicFetcherOptions,
} from './topic-fetcher.ts';

/** Beyond the wait that was asked for: maybe there is a newer leader. */
const doubtMs = 500;
const quietMs = 1500;
const noSession = { id: 0, epoch: -1 } as const;
const [minBytes, anyRack] = [1, ''] as const;
const nothingForgotten: never[] = [];

export class LeaderFetcher {
  readonly #options: TopicFetcherOptions;
  readonly #lines: LeaderLines;
  #newsAtMs: number;

  constructor(options: TopicFetcherOptions) {
    this.#options = options;
    this.#lines = new LeaderLines(options);
    this.#newsAtMs = options.clock.monotonicMs();
  }

  /** As `TopicFetcher.fetch`. */
  async fetch(offset: bigint, maxWaitMs: number): Promise<FetchedBatch> {
    const { clock, answerDeadlineMs } = this.#options;
    const leader = await this.#lines.leader(answerDeadlineMs);
    try {
      const batch = await this.#fetchFrom(leader, offset, maxWaitMs);
      if (batch.values.length > 0) this.#newsAtMs = clock.monotonicMs();
      else this.#doubt(leader);
      return batch;
    } catch (error) {
      if (error instanceof MeridianError) throw error;
      kafkaRefusal(error);
      if (error instanceof LateAnswer) this.#lines.forgetSilent(leader);
      else this.#lines.forget(leader);
      throw error;
    }
  }

  close(): void {
    this.#lines.close();
  }

  async #fetchFrom(leader: Leader, offset: bigint, maxWaitMs: number): Promise<FetchedBatch> {
    const { topic, fetchBytesMax, answerDeadlineMs } = this.#options;
    const { connection, topicId } = leader;
    const wanted = fetchedPartition(offset, fetchBytesMax);
    const ending = new AbortController();
    const moved = this.#lines.movedFrom(leader, maxWaitMs + doubtMs, ending.signal);
    moved.catch(() => undefined);
    const topics = [{ topicId, partitions: [wanted] }];
    const answer = fetchV17.api
      .async(
        ...([connection, maxWaitMs, minBytes, fetchBytesMax, readUncommitted] as const),
        ...([noSession.id, noSession.epoch, topics, nothingForgotten, anyRack] as const),
      )
      .catch(answerWithin);
    answer.catch(() => undefined);
    try {
      const boundMs = answerDeadlineMs + maxWaitMs;
      const first = Promise.race([answer, moved]);
      const response = await withDeadline(first, boundMs, () => new LateAnswer());
      return { topicId, ...batchOf(response, offset, topic) };
    } finally {
      ending.abort();
    }
  }

  /** After a while without news: whether somebody else leads by now. */
  #doubt(leader: Leader): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#newsAtMs < quietMs) return;
    this.#newsAtMs = nowMs;
    void this.#lines.isMoved(leader).then((isMoved) => {
      if (isMoved) this.#lines.forget(leader);
    });
  }
}

class LateAnswer extends Error {
  constructor() {
    super('kafka did not answer a fetch in time');
  }
}
