/**
 * Fetches from partition 0 of a stretched topic at whoever leads it. An answer without news proves
 * nothing: an old leader that is cut off goes on answering, so the others are asked now and then.
 */
import { fetchV17 } from '@platformatic/kafka';
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

export interface LeaderFetcherOptions extends TopicFetcherOptions {
  /** Somebody else leads than before. */
  readonly onMoved: () => void;
}

export class LeaderFetcher {
  readonly #options: LeaderFetcherOptions;
  readonly #lines: LeaderLines;
  #newsAtMs: number;
  #epoch = -1;

  constructor(options: LeaderFetcherOptions) {
    this.#options = options;
    this.#lines = new LeaderLines(options);
    this.#newsAtMs = options.clock.monotonicMs();
  }

  /** As `TopicFetcher.fetch`. */
  async fetch(offset: bigint, maxWaitMs: number): Promise<FetchedBatch> {
    const { clock, answerDeadlineMs, onMoved } = this.#options;
    const leader = await this.#lines.leader(answerDeadlineMs);
    if (leader.epoch !== this.#epoch) onMoved();
    this.#epoch = leader.epoch;
    const batch = await this.#fetchFrom(leader, offset, maxWaitMs);
    if (batch.values.length > 0) this.#newsAtMs = clock.monotonicMs();
    else this.#doubt(leader);
    return batch;
  }

  close(): void {
    this.#lines.close();
  }

  async #fetchFrom(leader: Leader, offset: bigint, maxWaitMs: number): Promise<FetchedBatch> {
    const { topic, fetchBytesMax, answerDeadlineMs } = this.#options;
    const { connection, topicId } = leader;
    const wanted = fetchedPartition(offset, fetchBytesMax);
    const topics = [{ topicId, partitions: [wanted] }];
    const answer = fetchV17.api
      .async(
        ...([connection, maxWaitMs, minBytes, fetchBytesMax, readUncommitted] as const),
        ...([noSession.id, noSession.epoch, topics, nothingForgotten, anyRack] as const),
      )
      .catch(answerWithin)
      .then((response) => ({ topicId, ...batchOf(response, offset, topic) }));
    const bounds = { doubtMs: maxWaitMs + doubtMs, boundMs: answerDeadlineMs + maxWaitMs };
    try {
      return await this.#lines.answerOf(leader, answer, { what: 'a fetch', ...bounds });
    } catch (error) {
      kafkaRefusal(error);
      throw error;
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
