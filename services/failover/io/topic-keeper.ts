/**
 * Keeps the cluster's control topic and the region's data topic as they must be: creates a missing
 * one that was never read and compares placement and settings every five seconds, so that a change
 * by hand is seen.
 */
import type { Logger } from '../../../shared/logging/logger.ts';
import {
  isMeridianError,
  MeridianError,
  messageOf,
} from '../../../shared/errors/meridian-error.ts';
import { ensureTopic, type TopicShape } from '../../../shared/kafka/admin.ts';
import type { TopicTarget } from '../../../shared/kafka/topic.ts';
import { createBackoff } from '../../../shared/runtime/backoff.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';

export interface KeptTopic {
  readonly target: TopicTarget;
  readonly shape: TopicShape;
  /** Whether it is made where it is missing; null: not known yet. Always when absent. */
  readonly mayBeMade?: () => boolean | null;
}

/** A change by hand is seen within twice this time, also where a check is slow. */
const checkEveryMs = 5000;

export class TopicKeeper {
  readonly #topics: readonly KeptTopic[];
  readonly #logger: Logger;
  readonly #checkEveryMs: number;
  readonly #problems = new Map<string, string>();
  readonly #refused = new Map<string, string>();

  constructor(topics: readonly KeptTopic[], logger: Logger, everyMs = checkEveryMs) {
    this.#topics = topics;
    this.#logger = logger;
    this.#checkEveryMs = everyMs;
    for (const { target } of topics) {
      this.#problems.set(target.topic, 'not checked yet');
      this.#refused.set(target.topic, 'it has not been checked yet');
    }
  }

  /** What is wrong, by topic; empty when all is as it must be. */
  problems(): readonly string[] {
    return [...this.#problems].map(([topic, problem]) => `${topic}: ${problem}`);
  }

  /**
   * Throws LogUnavailable unless the last check that was answered found `topic` as it must be:
   * what is acknowledged by another kind of topic may be lost. A check that is not answered
   * changes nothing.
   */
  checkUsable(topic: string): void {
    const why = this.#refused.get(topic);
    if (why === undefined) return;
    throw new MeridianError('LogUnavailable', `nothing is written to ${topic}: ${why}`);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#topics.map((topic) => this.#keep(topic, signal)));
  }

  async #keep({ target, shape, mayBeMade }: KeptTopic, signal: AbortSignal): Promise<void> {
    const backoff = createBackoff({ firstMs: 250, maxMs: 5000 });
    while (!signal.aborted) {
      try {
        await ensureTopic(target, shape, mayBeMade);
        this.#refused.delete(target.topic);
        if (this.#problems.delete(target.topic)) {
          this.#logger.info({ topic: target.topic }, 'topic is as it must be');
        }
        backoff.reset();
        await sleep(this.#checkEveryMs, signal);
      } catch (error) {
        this.#note(target.topic, error);
        await sleep(backoff.nextMs(), signal);
      }
    }
  }

  #note(topic: string, error: unknown): void {
    const isWrong = isMeridianError(error, 'ConfigInvalid');
    const why = isWrong ? (error.details.hint ?? messageOf(error)) : messageOf(error);
    if (isWrong) this.#refused.set(topic, why);
    if (this.#problems.get(topic) === why) return;
    this.#problems.set(topic, why);
    this.#logger[isWrong ? 'error' : 'debug']({ topic, why }, 'topic is not as it must be');
  }
}
