/** Records between receiving and applying, bounded by bytes. */
import type { CommitRecord } from '../../../../shared/core/commit-record.ts';

export interface ApplyItem {
  readonly record: CommitRecord;
  /** Memory that the record takes as it is here, not as it was sent. */
  readonly byteLength: number;
  /** Resolves when the own log holds the record; nothing of it is committed before. */
  readonly logged: Promise<void>;
}

export class ApplyQueue {
  readonly #bytesMax: number;
  #items: ApplyItem[] = [];
  #bytes = 0;
  #wakeTaker: (() => void) | null = null;
  #wakePutters: (() => void)[] = [];
  #failure: { readonly error: unknown } | null = null;
  #isEnded = false;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  /** Adds an item; resolves when there is room for more. Rejects once the taker has failed. */
  async put(item: ApplyItem): Promise<void> {
    this.#items.push(item);
    this.#bytes += item.byteLength;
    this.#wakeTaker?.();
    while (this.#bytes > this.#bytesMax && this.#failure === null) {
      await new Promise<void>((resolve) => this.#wakePutters.push(resolve));
    }
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** No more items will come: `take` yields null once the rest is taken. */
  end(): void {
    this.#isEnded = true;
    this.#wakeTaker?.();
  }

  /** Ends both sides with `error`. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wakeTaker?.();
    for (const wake of this.#wakePutters.splice(0)) wake();
  }

  /** The items that are there, at least one, up to `bytesMax`; null after the end. */
  async take(bytesMax: number): Promise<readonly ApplyItem[] | null> {
    while (this.#items.length === 0 && this.#failure === null && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#wakeTaker = resolve;
      });
    }
    this.#wakeTaker = null;
    if (this.#failure !== null) throw this.#failure.error;
    if (this.#items.length === 0) return null;
    let count = 0;
    let bytes = 0;
    for (const { byteLength } of this.#items) {
      if (count > 0 && bytes + byteLength > bytesMax) break;
      bytes += byteLength;
      count += 1;
    }
    const taken = this.#items.splice(0, count);
    this.#bytes -= bytes;
    for (const wake of this.#wakePutters.splice(0)) wake();
    return taken;
  }
}
