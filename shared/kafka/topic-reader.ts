/**
 * Reads partition 0 of one topic by plain fetch requests, without a consumer group: a group's
 * coordinator may sit in any region, and its death would stall readers that have nothing to do
 * with it. Each reading has a client of its own, because a broker answers one request per
 * connection at a time: one that waits for news would hold the others back. The caller keeps the
 * position.
 */
import { MeridianError } from '../errors/meridian-error.ts';
import { createBackoff } from '../runtime/backoff.ts';
import { sleep } from '../runtime/sleep.ts';
import {
  TopicFetcher,
  type FetchClient,
  type FetchedBatch,
  type TopicFetcherOptions,
} from './topic-fetcher.ts';

export interface TopicReaderOptions extends TopicFetcherOptions {
  /** The longest pause after failures. */
  readonly retryMaxMs: number;
  /** A client of another kind for each reading. */
  readonly connect?: () => FetchClient;
}

export class TopicReader {
  readonly #options: TopicReaderOptions;
  readonly #fetchers = new Set<FetchClient>();
  #topicId: string | null = null;
  #lastHeardMs = -Infinity;
  #forBounds: TopicFetcher | null = null;

  constructor(options: TopicReaderOptions) {
    this.#options = options;
  }

  /** Kafka's id of the topic that is read; null while it is not known. */
  get topicId(): string | null {
    return this.#topicId;
  }

  /** To be called before the first reading: the id of the topic that was read before. */
  expect(topicId: string): void {
    this.#topicId = topicId;
  }

  /** Monotonic time of the last answer. */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /**
   * Batches from `offset` on. With `follow` it waits for more and reconnects for ever; else it
   * ends at the end. Ends at once when `signal` aborts. Throws LogUnavailable (`details.start`,
   * `details.end`) when the log does not hold `offset`, Divergence when the topic was deleted and
   * made again.
   */
  async *read(
    offset: bigint,
    { follow, signal }: { readonly follow: boolean; readonly signal: AbortSignal },
  ): AsyncGenerator<FetchedBatch> {
    const backoff = createBackoff({ firstMs: 50, maxMs: this.#options.retryMaxMs });
    const fetcher = this.#hold(this.#options.connect?.() ?? new TopicFetcher(this.#options));
    let next = offset;
    try {
      while (!signal.aborted) {
        const maxWaitMs = follow ? this.#options.maxWaitMs : 0;
        const batch = await unlessAborted(this.#tryFetch(fetcher, next, maxWaitMs), signal);
        if (signal.aborted) return;
        if (batch === null) {
          await sleep(backoff.nextMs(), signal);
          continue;
        }
        backoff.reset();
        next = batch.next;
        if (batch.values.length > 0) yield batch;
        if (!follow && next >= batch.end) return;
      }
    } finally {
      this.#fetchers.delete(fetcher);
      fetcher.close();
    }
  }

  /** First offset held and the offset after the last; throws the client's error. */
  async bounds(): Promise<{ readonly start: bigint; readonly end: bigint }> {
    this.#forBounds ??= this.#hold(new TopicFetcher(this.#options));
    const bounds = await this.#forBounds.bounds();
    this.#lastHeardMs = this.#options.clock.monotonicMs();
    return bounds;
  }

  close(): void {
    for (const fetcher of this.#fetchers) fetcher.close();
    this.#fetchers.clear();
    this.#forBounds = null;
  }

  #hold<T extends FetchClient>(fetcher: T): T {
    this.#fetchers.add(fetcher);
    return fetcher;
  }

  /** Null when it is to be tried again. */
  async #tryFetch(
    fetcher: FetchClient,
    offset: bigint,
    maxWaitMs: number,
  ): Promise<FetchedBatch | null> {
    try {
      const batch = await fetcher.fetch(offset, maxWaitMs);
      this.#lastHeardMs = this.#options.clock.monotonicMs();
      this.#checkTopicId(batch.topicId);
      return batch;
    } catch (error) {
      if (error instanceof MeridianError) throw error;
      return null;
    }
  }

  /** Offsets of a topic of the same name made anew mean other records. */
  #checkTopicId(id: string): void {
    if (this.#topicId !== null && this.#topicId !== id) {
      throw new MeridianError(
        'Divergence',
        `the topic ${this.#options.topic} was deleted and made again`,
        { hint: 'restore the topic from a healthy region, or seed the region anew' },
      );
    }
    this.#topicId = id;
  }
}

/** What `work` yields, or null as soon as `signal` aborts. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const onAbort = (): void => resolve(null);
  signal.addEventListener('abort', onAbort, { once: true });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
