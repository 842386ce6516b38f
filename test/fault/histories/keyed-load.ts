/**
 * Writes under idempotency keys that are sent again, to any region, until they are answered. Each
 * leaves a row, and nothing in the database would hinder a second one.
 */
import {
  MeridianClient,
  MeridianClientError,
  type Fetch,
} from '../../../services/client/client.ts';

export const keyedTable = 'CREATE TABLE history.keyed (key text NOT NULL)';

export interface KeyedLoadOptions {
  readonly origins: readonly string[];
  readonly token: () => Promise<string>;
  readonly fetch: Fetch;
  readonly writers: number;
}

export class KeyedLoad {
  /** Keys by what their sender was told in the end. */
  readonly confirmed = new Set<string>();
  readonly unanswered = new Set<string>();
  readonly #options: KeyedLoadOptions;
  #isRunning = true;

  constructor(options: KeyedLoadOptions) {
    this.#options = options;
  }

  /** Resolves after `stop`. Throws what is no typed error. */
  async run(): Promise<void> {
    const ids = Array.from({ length: this.#options.writers }, (_, id) => id);
    await Promise.all(ids.map((id) => this.#writer(id)));
  }

  stop(): void {
    this.#isRunning = false;
  }

  /** What is wrong with the rows that are there now; `outcomeOf` asks for the outcome of a key. */
  judge(rows: ReadonlyMap<string, number>, outcomes: ReadonlyMap<string, string>): string[] {
    const all = [...this.confirmed, ...this.unanswered];
    return all.flatMap((key) => {
      const count = rows.get(key) ?? 0;
      const outcome = outcomes.get(key);
      const problems: string[] = [];
      if (count > 1) problems.push(`${key} was done ${count} times`);
      if (this.confirmed.has(key) && count === 0) problems.push(`${key} was confirmed and is gone`);
      if (outcome !== undefined && (outcome === 'done') !== count > 0) {
        problems.push(`${key} is there ${count} times, and its outcome is ${outcome}`);
      }
      return problems;
    });
  }

  async #writer(id: number): Promise<void> {
    const { origins, token, fetch } = this.#options;
    const urls = [...origins.slice(id % origins.length), ...origins.slice(0, id % origins.length)];
    const client = new MeridianClient({ urls, token, fetch, timeoutMs: 60_000, attemptsMax: 100 });
    for (let n = 0; this.#isRunning; n += 1) {
      const key = `key-${id}-${n}`;
      try {
        await this.#write(client, key, n);
        this.confirmed.add(key);
      } catch (error) {
        if (!(error instanceof MeridianClientError)) throw error;
        this.unanswered.add(key);
        // What it had seen may be lost; what comes next is judged by the rows alone.
        if (error.code === 'WriteLost') return this.#writer(id + this.#options.writers);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** In one request, or call by call. */
  async #write(client: MeridianClient, key: string, n: number): Promise<void> {
    const sql = 'INSERT INTO history.keyed VALUES ($1)';
    if (n % 3 !== 0) {
      await client.query(sql, [key], { idempotencyKey: key });
      return;
    }
    const transaction = await client.begin({ timeoutMs: 10_000 });
    await transaction.query(sql, [key], { timeoutMs: 5000 });
    await transaction.commit({ idempotencyKey: key });
  }
}
