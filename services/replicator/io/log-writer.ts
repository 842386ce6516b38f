/**
 * Appends records to the region's own log: in order, one request in flight, what arrives meanwhile
 * goes together. Nobody else appends.
 */
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataLog } from '../../../shared/ports/data-log.ts';
import { failpoint } from '../../../shared/runtime/failpoints.ts';

interface Waiting {
  readonly bytes: Uint8Array;
  readonly resolve: (offset: LogOffset) => void;
  readonly reject: (error: unknown) => void;
}

export interface LogWriterOptions {
  readonly log: DataLog;
  readonly clock: Clock;
  readonly appendBytesMax: number;
  readonly signal: AbortSignal;
}

export class LogWriter {
  readonly #options: LogWriterOptions;
  #waiting: Waiting[] = [];
  #queuedBytes = 0;
  #isRunning = false;
  #drained: (() => void)[] = [];

  #sentAtMs: number | null = null;

  constructor(options: LogWriterOptions) {
    this.#options = options;
  }

  /** How long the log has not acknowledged what was sent to it; 0 when nothing is under way. */
  get waitMs(): number {
    return this.#sentAtMs === null ? 0 : this.#options.clock.monotonicMs() - this.#sentAtMs;
  }

  /** Bytes that are not acknowledged yet. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /**
   * Resolves with the record's offset when it is durable; rejects LogUnavailable once the signal
   * has aborted.
   */
  append(bytes: Uint8Array): Promise<LogOffset> {
    const appended = new Promise<LogOffset>((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
    });
    this.#queuedBytes += bytes.byteLength;
    if (!this.#isRunning) {
      this.#isRunning = true;
      queueMicrotask(() => void this.#run());
    }
    return appended;
  }

  /** Resolves when at most `bytes` wait for the log. */
  async whenBelow(bytes: number): Promise<void> {
    while (this.#queuedBytes > bytes && !this.#options.signal.aborted) {
      await new Promise<void>((resolve) => this.#drained.push(resolve));
    }
  }

  async #run(): Promise<void> {
    const { log, clock, signal } = this.#options;
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        await failpoint('log-writer.before-append');
        this.#sentAtMs = clock.monotonicMs();
        const last = await log.append(
          batch.map(({ bytes }) => bytes),
          signal,
        );
        this.#sentAtMs = null;
        await failpoint('log-writer.after-append');
        const first = last - BigInt(batch.length - 1);
        for (const [index, { resolve }] of batch.entries()) {
          resolve((first + BigInt(index)) as LogOffset);
        }
      } catch (error) {
        this.#sentAtMs = null;
        const failed = [...batch, ...this.#waiting];
        this.#waiting = [];
        for (const { reject } of failed) reject(error);
        this.#queuedBytes = 0;
      }
      for (const { bytes } of batch) this.#queuedBytes -= bytes.byteLength;
      this.#queuedBytes = Math.max(0, this.#queuedBytes);
      for (const resolve of this.#drained.splice(0)) resolve();
    }
    this.#isRunning = false;
  }

  #takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: record } of this.#waiting) {
      if (count > 0 && bytes + record.byteLength > this.#options.appendBytesMax) break;
      bytes += record.byteLength;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }
}
