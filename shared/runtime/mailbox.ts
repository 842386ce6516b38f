/** A bounded mailbox: one input at a time, in order. Callbacks only post. */

export interface MailboxOptions<T> {
  readonly capacity: number;
  readonly handle: (input: T) => Promise<void> | void;
  /** Called when `handle` throws; nothing is handled afterwards. */
  readonly onFailure: (error: unknown) => void;
}

export class Mailbox<T> {
  readonly #options: MailboxOptions<T>;
  readonly #waiting: T[] = [];
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(options: MailboxOptions<T>) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /**
   * Queues `input`; false when the mailbox is full or closed (the caller decides what that means).
   */
  post(input: T): boolean {
    if (this.#isClosed || this.#waiting.length >= this.#options.capacity) return false;
    this.#waiting.push(input);
    this.#running ??= this.#run();
    return true;
  }

  /** Takes nothing new, drops what waits, and resolves when the input under way is done. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#waiting.length = 0;
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    try {
      for (let input = this.#waiting.shift(); input !== undefined; input = this.#waiting.shift()) {
        await this.#options.handle(input);
      }
    } catch (error) {
      this.#isClosed = true;
      this.#waiting.length = 0;
      this.#options.onFailure(error);
    } finally {
      this.#running = null;
    }
    if (this.#waiting.length > 0) this.#running ??= this.#run();
  }
}
