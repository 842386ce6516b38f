/**
 * Warm connections to every broker of a stretched topic, and which of them leads its partition 0.
 * After a leader's death nothing is asked one after the other: all brokers are asked at once, the
 * first that names a newer leader is believed, and the connection to it is open already.
 */
import { metadataV12, type Connection } from '@platformatic/kafka';
import { MeridianError } from '../errors/meridian-error.ts';
import { sleep, withDeadline } from '../runtime/sleep.ts';
import { BrokerLine } from './broker-line.ts';
import { LateAnswer } from './late-answer.ts';
import type { TopicTarget } from './topic.ts';

export interface Leader {
  readonly connection: Connection;
  readonly line: BrokerLine;
  /** Leader epoch of the partition: a newer leader has a higher one. */
  readonly epoch: number;
  readonly topicId: string;
}

export interface AnswerBounds {
  /** What was asked for, in words. */
  readonly what: string;
  /** After which silence the other brokers are asked for a newer leader, again and again. */
  readonly doubtMs: number;
  readonly boundMs: number;
}

interface Named {
  readonly address: string;
  readonly epoch: number;
  readonly topicId: string;
}

/** Bound of connecting and of one question; a long poll may hold an answer back for 500 ms. */
const askBoundMs = 1000;
const askAgainMs = 100;
const requestTimeoutMs = 5000;
const question = 'who leads';

export class LeaderLines {
  readonly #options: TopicTarget;
  readonly #lines = new Map<string, BrokerLine>();
  #leader: Leader | null = null;
  #finding: Promise<Leader> | null = null;
  #failedEpoch = -1;
  #isClosed = false;

  constructor(options: TopicTarget) {
    this.#options = options;
    for (const address of options.brokers) this.#lineTo(address);
  }

  /** The leader, over an open connection; rejects when none is found within `boundMs`. */
  leader(boundMs: number): Promise<Leader> {
    for (const line of this.#lines.values()) void line.open();
    const known = this.#leader;
    if (known !== null && known.line.connected === known.connection) return Promise.resolve(known);
    this.#finding ??= this.#find(boundMs).finally(() => (this.#finding = null));
    return this.#finding;
  }

  /** The leader failed: a newer one is taken at once, the same only if all name it again. */
  forget(leader: Leader): void {
    this.#failedEpoch = Math.max(this.#failedEpoch, leader.epoch);
    if (this.#leader === leader) this.#leader = null;
  }

  /**
   * What `leader` answers to `work`. Rejects with the work's own error, with LateAnswer after
   * `boundMs`, and when another broker, asked each `doubtMs`, names a newer leader. The leader is
   * forgotten then, unless the answer was sound and said no (MeridianError).
   */
  async answerOf<T>(leader: Leader, work: Promise<T>, bounds: AnswerBounds): Promise<T> {
    const { what, doubtMs, boundMs } = bounds;
    const ending = new AbortController();
    const moved = this.#movedFrom(leader, doubtMs, ending.signal);
    for (const each of [work, moved]) each.catch(() => undefined);
    try {
      return await withDeadline(Promise.race([work, moved]), boundMs, () => new LateAnswer(what));
    } catch (error) {
      if (error instanceof LateAnswer) leader.line.drop();
      if (!(error instanceof MeridianError)) this.forget(leader);
      throw error;
    } finally {
      ending.abort();
    }
  }

  /** Rejects once another broker names a newer leader, asked each `everyMs`; never resolves. */
  async #movedFrom(leader: Leader, everyMs: number, signal: AbortSignal): Promise<never> {
    for (;;) {
      await sleep(everyMs, signal);
      if (signal.aborted) return new Promise<never>(() => undefined);
      if (await this.isMoved(leader)) throw new Error('the leader of the topic has changed');
    }
  }

  /** Whether a broker other than `leader` names a newer one. */
  async isMoved(leader: Leader): Promise<boolean> {
    const others = [...this.#lines.values()].filter((line) => line !== leader.line);
    return (
      (await firstNewer(
        others.map((line) => this.#ask(line)),
        leader.epoch,
      )) !== null
    );
  }

  close(): void {
    this.#isClosed = true;
    for (const line of this.#lines.values()) line.close();
  }

  async #find(boundMs: number): Promise<Leader> {
    const { clock, topic } = this.#options;
    const endMs = clock.monotonicMs() + boundMs;
    do {
      const named = await this.#askAll();
      const line = named === null ? null : this.#lineTo(named.address);
      const connection = line === null ? null : await line.open();
      if (named !== null && line !== null && connection !== null) {
        this.#leader = { connection, line, epoch: named.epoch, topicId: named.topicId };
        return this.#leader;
      }
      await sleep(askAgainMs);
    } while (clock.monotonicMs() < endMs && !this.#isClosed);
    throw new Error(`no leader of ${topic} is known`);
  }

  async #askAll(): Promise<Named | null> {
    const asked = [...this.#lines.values()].map((line) => this.#ask(line));
    const newer = await firstNewer(asked, this.#failedEpoch);
    if (newer !== null) return newer;
    const all = (await Promise.all(asked)).filter((one) => one !== null);
    return all.toSorted((a, b) => b.epoch - a.epoch)[0] ?? null;
  }

  /** Whom one broker names; null when it names nobody in time. */
  async #ask(line: BrokerLine): Promise<Named | null> {
    const { topic } = this.#options;
    const connection = await line.open();
    if (connection === null) return null;
    const work = metadataV12.api.async(connection, [topic], false, false);
    work.catch(() => undefined);
    try {
      const { topics, brokers } = await withDeadline(
        work,
        askBoundMs,
        () => new LateAnswer(question),
      );
      const found = topics.find(({ name }) => name === topic);
      const partition = found?.partitions.find(({ partitionIndex }) => partitionIndex === 0);
      const broker = brokers.find(({ nodeId }) => nodeId === partition?.leaderId);
      if (found === undefined || partition === undefined || broker === undefined) return null;
      const address = `${broker.host}:${String(broker.port)}`;
      return { address, epoch: partition.leaderEpoch, topicId: found.topicId };
    } catch (error) {
      if (error instanceof LateAnswer) line.drop();
      return null;
    }
  }

  #lineTo(address: string): BrokerLine {
    const known = this.#lines.get(address);
    if (known !== undefined) return known;
    const { clientId, clock } = this.#options;
    const bounds = { connectTimeoutMs: askBoundMs, requestTimeoutMs };
    const line = new BrokerLine(address, { clientId, clock, ...bounds });
    this.#lines.set(address, line);
    return line;
  }
}

/** The first answer that names a leader newer than `epoch`; null when none does. */
async function firstNewer(
  asked: readonly Promise<Named | null>[],
  epoch: number,
): Promise<Named | null> {
  const newer = asked.map(async (answer) => {
    const named = await answer;
    if (named === null || named.epoch <= epoch) throw new Error('nobody newer');
    return named;
  });
  return Promise.any(newer).catch(() => null);
}
