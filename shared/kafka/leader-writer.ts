/** Appends to partition 0 of a stretched topic at whoever leads it, each with a deadline. */
import { produceV11 } from '@platformatic/kafka';
import { sleep } from '../runtime/sleep.ts';
import { kafkaRefusal } from './kafka-refusal.ts';
import { LeaderLines, type Leader } from './leader-lines.ts';
import type { TopicTarget } from './topic.ts';

export interface LeaderWriterOptions extends TopicTarget {
  /** Bound of one append at a known leader. */
  readonly sendDeadlineMs: number;
  /** Bound of finding the leader. */
  readonly connectDeadlineMs: number;
}

const acksOfAll = -1;
/** An append that takes longer than several round trips: maybe there is a newer leader. */
const doubtMs = 500;
/** A broker learns a moment later than others that it leads. */
const movedRestMs = 20;

export class LeaderWriter {
  readonly #options: LeaderWriterOptions;
  readonly #lines: LeaderLines;
  #lastHeardMs = -Infinity;

  constructor(options: LeaderWriterOptions) {
    this.#options = options;
    this.#lines = new LeaderLines(options);
  }

  /** Monotonic time of the last acknowledgement. */
  get lastHeardMs(): number {
    return this.#lastHeardMs;
  }

  /**
   * Appends `value` with acks=all and returns its offset. Rejects with the client's error or after
   * a deadline: whether anything was appended is then unknown. What a former leader refuses goes to
   * the new one, and may be there twice: the old one may have passed it on before.
   */
  async send(value: Uint8Array): Promise<bigint> {
    const { clock, sendDeadlineMs } = this.#options;
    const endMs = clock.monotonicMs() + sendDeadlineMs;
    for (;;) {
      try {
        const offset = await this.#sendTo(await this.#leader(), value);
        this.#lastHeardMs = clock.monotonicMs();
        return offset;
      } catch (error) {
        if (!isOfFormerLeader(error) || clock.monotonicMs() >= endMs) {
          throw kafkaRefusal(error) ?? error;
        }
        await sleep(movedRestMs);
      }
    }
  }

  /** Finds out who leads now and connects, so that the next append waits for neither. */
  async prepare(): Promise<void> {
    try {
      const leader = await this.#leader();
      if (!(await this.#lines.isMoved(leader))) return;
      this.#lines.forget(leader);
      await this.#leader();
    } catch {
      // The next append finds out by itself.
    }
  }

  close(): void {
    this.#lines.close();
  }

  #leader(): Promise<Leader> {
    return this.#lines.leader(this.#options.connectDeadlineMs);
  }

  async #sendTo(leader: Leader, value: Uint8Array): Promise<bigint> {
    const { topic, sendDeadlineMs } = this.#options;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    const message = { topic, partition: 0, value: bytes };
    const sent = produceV11.api
      .async(leader.connection, acksOfAll, sendDeadlineMs, [message])
      .then((answer) => {
        const found = typeof answer === 'boolean' ? undefined : answer.responses[0];
        const offset = found?.partitionResponses[0]?.baseOffset;
        if (offset === undefined) throw new Error('the broker acknowledged without an offset');
        return offset;
      });
    // The broker's own answer that it took too long comes a moment after its bound.
    const boundMs = sendDeadlineMs + doubtMs;
    return this.#lines.answerOf(leader, sent, { what: 'an append', doubtMs, boundMs });
  }
}

/** Whoever was asked does not lead any more. */
function isOfFormerLeader(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('apiId' in error && error.apiId === 'NOT_LEADER_OR_FOLLOWER') return true;
  const inner: unknown[] = error instanceof AggregateError ? error.errors : [];
  return [...inner, error.cause].some(isOfFormerLeader);
}
