/**
 * Carries what decoding and event triggers do not see as ordinary rows, which replicate like any
 * others: marks of sequences (meridian.sequence_value), roles, grants, settings and indexes that
 * were mended (meridian.ddl), indexes that are broken or about to be (meridian.broken_index).
 * Old rows of meridian.ddl are deleted in the same way.
 */
import {
  type PgClient,
  connectPg,
  ownSessionOptions,
  type PgTarget,
} from '../../../../shared/pg/client.ts';
import { parseLsn, zeroLsn, type Lsn } from '../../../../shared/core/lsn.ts';
import { IndexDrops } from './index-drops.ts';
import { SequenceMarks } from './sequence-marks.ts';

// Nobody reads the table to replay a command: that is done from the record, which puts the row in.
// The delete is a record after it, so no region meets it before it has run the command.
const pruneSql = `
DELETE FROM meridian.ddl WHERE id IN (
  SELECT id FROM meridian.ddl WHERE id <= (SELECT max(id) FROM meridian.ddl) - $1::bigint
  ORDER BY id LIMIT 1000)`;

/** Rounds of capture from one deletion to the next. */
const pruneEvery = 30;

export class UnseenCapture {
  readonly #target: PgTarget;
  readonly #ddlRowsKept: number;
  #client: PgClient | null = null;
  readonly #marks = new SequenceMarks();
  #drops = new IndexDrops();
  #rounds = 0;

  /** `ddlRowsKept`: as many captured commands stay readable in meridian.ddl. */
  constructor(target: Omit<PgTarget, 'applicationName' | 'options'>, ddlRowsKept: number) {
    this.#ddlRowsKept = ddlRowsKept;
    this.#target = {
      ...target,
      applicationName: 'meridian capture',
      options: `${ownSessionOptions} -c search_path=pg_catalog -c lock_timeout=1s`,
    };
  }

  /** Writes all that changed since the last time. */
  async capture(): Promise<void> {
    await this.#onNode(async (client) => {
      // Sessions wait for it; the others may run into their locks.
      await this.#drops.record(client);
      await this.#marks.record(client);
      await client.query('SELECT meridian.capture_globals()');
      this.#rounds += 1;
      if (this.#rounds % pruneEvery === 0) await client.query(pruneSql, [this.#ddlRowsKept]);
    });
  }

  /** Where the server's WAL ends. */
  walEnd(): Promise<Lsn> {
    return this.#onNode(async (client) => {
      const sql = 'SELECT pg_current_wal_flush_lsn() AS lsn';
      const { rows } = await client.query<{ lsn: string }>(sql);
      return parseLsn(rows[0]?.lsn ?? '') ?? zeroLsn;
    });
  }

  /** On one connection, whose plans are made; after a failure on a new one. */
  async #onNode<T>(work: (client: PgClient) => Promise<T>): Promise<T> {
    if (this.#client === null) {
      this.#client = await connectPg(this.#target);
      this.#drops = new IndexDrops();
    }
    try {
      return await work(this.#client);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    const client = this.#client;
    this.#client = null;
    void client?.end().catch(() => undefined);
  }
}
