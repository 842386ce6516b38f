/** The transaction that a connected client of the pool is in, if any. */
import { MeridianClientError, type MeridianClient, type Served } from './client.ts';
import type { OpenTransaction } from './open-transaction.ts';
import { transactionWordOf } from './transaction-words.ts';

export interface ControlResult {
  readonly command: string;
  readonly served: Served;
}

/** SQLSTATE of a transaction in which a statement has failed. */
const aborted = '25P02';

const nobody: Served = {
  region: '',
  servedBy: '',
  consistency: '',
  stalenessMs: null,
  durability: null,
  position: null,
};

export class PoolTransactions {
  readonly #session: MeridianClient;
  #open: OpenTransaction | null = null;

  constructor(session: MeridianClient) {
    this.#session = session;
  }

  /** Where statements go now. */
  get target(): MeridianClient | OpenTransaction {
    return this.#open ?? this.#session;
  }

  /**
   * Does what a BEGIN, COMMIT or ROLLBACK asks; null for any other statement. As in PostgreSQL,
   * COMMIT of an aborted transaction says ROLLBACK, and either without one does nothing.
   */
  async control(sql: string): Promise<ControlResult | null> {
    const word = transactionWordOf(sql);
    if (word === null) return null;
    const open = this.#open;
    switch (word.kind) {
      case 'begin': {
        this.#open = open ?? (await this.#session.begin(word.options));
        return { command: word.command, served: nobody };
      }
      case 'commit': {
        this.#open = null;
        if (open === null) return { command: 'COMMIT', served: nobody };
        try {
          return { command: 'COMMIT', ...(await open.commit()) };
        } catch (error) {
          const isAborted = error instanceof MeridianClientError && error.sqlstate === aborted;
          if (isAborted) return { command: 'ROLLBACK', served: nobody };
          throw error;
        }
      }
      case 'rollback': {
        this.#open = null;
        if (open === null) return { command: 'ROLLBACK', served: nobody };
        // However it ended, it is no more: that is all that was asked.
        const served = await open.rollback().catch(() => ({ served: nobody }));
        return { command: 'ROLLBACK', ...served };
      }
    }
  }

  /** Nobody goes on with it. */
  abandon(): void {
    const open = this.#open;
    this.#open = null;
    open?.rollback().catch(() => undefined);
  }
}
