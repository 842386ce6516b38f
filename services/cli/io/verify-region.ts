/** One region as `meridian verify` reads it: its own PostgreSQL node, one read at a time. */
import { connectPg, ownSessionOptions, type PgClient } from '../../../shared/pg/client.ts';
import { quoteLiteral } from '../../../shared/pg/quote.ts';
import { CliError } from '../core/cli-error.ts';
import type { KeyRange, Question, RowsByKey, VerifiedTable } from '../core/verify-plan.ts';

export interface VerifyTarget {
  readonly region: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Of meridian_applier: it may read every table, and no guard refuses it. */
  readonly password: string;
}

export interface RangeSum {
  readonly rows: number;
  readonly sum: string;
}

// The same value has the same text in every region, whatever its settings.
const options =
  `${ownSessionOptions} -c default_transaction_read_only=on -c statement_timeout=300s ` +
  '-c datestyle=ISO,MDY -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=1 ' +
  '-c bytea_output=hex -c lc_monetary=C -c xmloption=content -c search_path=pg_catalog';

const tablesSql = `
SELECT n.nspname AS schema, c.relname AS name, coalesce((
    SELECT json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod)) ORDER BY k.n)
    FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(attnum, n)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE i.indrelid = c.oid AND i.indisprimary AND k.n <= i.indnkeyatts), '[]') AS key,
  greatest(c.reltuples, 0) AS estimate
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'meridian_local')
  AND n.nspname !~ '^pg_toast' AND (n.nspname, c.relname) <> ('meridian', 'carried_row')
ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C"`;

const retriesMax = 5;

export class VerifyRegion {
  readonly #target: VerifyTarget;
  #client: Promise<PgClient> | null = null;

  constructor(target: VerifyTarget) {
    this.#target = target;
  }

  get id(): string {
    return this.#target.region;
  }

  /** Tables whose rows replicate, in the order of their names, with the estimate of their rows. */
  async tables(): Promise<readonly (VerifiedTable & { readonly estimate: number })[]> {
    const rows = await this.ask({ text: tablesSql, values: [] });
    return rows.map(({ schema, name, key, estimate }) => ({
      ...{ schema: schema ?? '', name: name ?? '', estimate: Number(estimate) },
      key: (JSON.parse(key ?? '[]') as [string, string][]).map(([column, type]) => ({
        ...{ name: column, type },
      })),
    }));
  }

  async sum(question: Question): Promise<RangeSum> {
    const [row] = await this.ask(question);
    return { rows: Number(row?.['rows']), sum: row?.['sum'] ?? '' };
  }

  async bound(question: Question): Promise<KeyRange['high']> {
    const [row] = await this.ask(question);
    return row === undefined ? null : Object.values(row).map((value) => value ?? '');
  }

  async rows(question: Question): Promise<RowsByKey> {
    const rows = await this.ask(question);
    return new Map(
      rows.map(({ key, hash, version }) => [
        key ?? '',
        { hash: hash ?? '', version: version ?? '' },
      ]),
    );
  }

  /** Writes a mark of `run`, on the primary: what it has committed before comes before the mark. */
  async mark(run: string, mark: number): Promise<void> {
    const client = await this.#connected();
    await client.query(
      `SET transaction_read_only = off;
       DELETE FROM meridian.verify_mark WHERE written_at < now() - interval '1 day';
       INSERT INTO meridian.verify_mark (run, mark) VALUES (${quoteLiteral(run)}, ${mark})
       ON CONFLICT (run) DO UPDATE SET mark = excluded.mark, written_at = clock_timestamp()`,
    );
  }

  async hasMark(run: string, mark: number): Promise<boolean> {
    const text = `SELECT 1 FROM meridian.verify_mark WHERE run = $1 AND mark >= ${mark}`;
    return (await this.ask({ text, values: [run] })).length > 0;
  }

  /** The progress row: what is applied here, as `epoch:LSN`. */
  async position(): Promise<string> {
    const text = `SELECT epoch || ':' || end_lsn AS position FROM meridian_local.progress`;
    const [row] = await this.ask({ text, values: [] });
    return row?.['position'] ?? '';
  }

  /** Asks, on a new connection when the old one was lost; throws CliError when that fails too. */
  async ask({ text, values }: Question): Promise<Record<string, string | null>[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        const client = await this.#connected();
        const { rows } = await client.query<Record<string, string | null>>(text, [...values]);
        return rows;
      } catch (error) {
        const isLost = !(
          error instanceof Error &&
          'severity' in error &&
          error.severity === 'ERROR'
        );
        await this.close();
        if (isLost && tries < retriesMax) continue;
        const why = error instanceof Error ? error.message : String(error);
        throw new CliError(`${this.id} cannot be read: ${why}`);
      }
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    await client?.then(async (open) => open.end()).catch(() => undefined);
  }

  /** One connection, also when several ask for it at once. */
  async #connected(): Promise<PgClient> {
    const { host, port, database, password } = this.#target;
    const user = 'meridian_applier';
    const session = { applicationName: 'meridian verify', options };
    this.#client ??= connectPg({ host, port, database, user, password, ...session });
    return this.#client;
  }
}
