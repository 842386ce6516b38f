/** The table `meridian.diverged`: what regions held beyond a cut, until a person discards it. */
import type { PgClient } from '../../../../shared/pg/client.ts';
import { formatLsn } from '../../../../shared/core/lsn.ts';
import type { NodeId } from '../../../../shared/core/node.ts';
import type { Position } from '../../../../shared/core/position.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import type { RequestKey, RowText, TailRow } from '../../../../shared/core/pgoutput/tail-row.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import { quoteIdent } from '../../../../shared/pg/quote.ts';
import { onlyRow } from '../node-connection.ts';

/**
 * Whether another region held the row when its writer was answered. `async-only`: none did, so that
 * only who had asked for async or logged was told that it is written.
 */
export type Confirmed = 'yes' | 'async-only' | 'unknown';

/** What one region, or `node` of it alone, held beyond the cut of `epoch`. */
export interface DivergenceId {
  readonly region: RegionId;
  readonly node: NodeId | null;
  readonly epoch: number;
}

/** The column `region`: a node's rows are named by the node, so that they are rows of their own. */
function holderOf({ region, node }: DivergenceId): string {
  return node ?? region;
}

const shownHolder = `'region', split_part(region, '/', 1),
       'node', CASE WHEN strpos(region, '/') > 0 THEN region END`;

export interface ListedRow {
  readonly ordinal: number;
  readonly position: Position;
  readonly xid: number;
  readonly commitTimeUs: bigint;
  readonly row: TailRow;
  readonly beforeFrom: 'record' | 'tail' | 'primary' | null;
  readonly confirmed: Confirmed;
  readonly request: RequestKey | null;
}

const columns = `region text, epoch integer, ordinal bigint, own_epoch integer, end_lsn pg_lsn,
  xid bigint, committed_us bigint, command text, table_schema text, table_name text,
  row_key jsonb, row_before jsonb, before_from text, row_after jsonb, confirmed text,
  request_key text, request_caller text, why text`;
const names = columns.replaceAll(/ (text|integer|bigint|pg_lsn|jsonb)/g, '');

/** Adds rows; those that are there stay as they are. Throws StaleEpoch on a node that is closed. */
export async function addRows(
  client: PgClient,
  id: DivergenceId,
  rows: readonly ListedRow[],
): Promise<void> {
  await insert(
    client,
    rows.map((one) => ({
      ...{ region: holderOf(id), epoch: id.epoch },
      ordinal: one.ordinal,
      own_epoch: one.position.epoch,
      end_lsn: formatLsn(one.position.endLsn),
      xid: one.xid,
      committed_us: one.commitTimeUs.toString(),
      command: one.row.command,
      table_schema: one.row.schema,
      table_name: one.row.table,
      row_key: one.row.key,
      row_before: one.row.before,
      before_from: one.beforeFrom,
      row_after: one.row.after,
      confirmed: one.confirmed,
      request_key: one.request?.key ?? null,
      request_caller: one.request?.caller ?? null,
      why: null,
    })),
  );
}

/** Says that something of this tail could not be listed. */
export async function addUnlistable(
  client: PgClient,
  id: DivergenceId,
  tail: { readonly ordinal: number; readonly confirmed: Confirmed; readonly why: string },
): Promise<void> {
  const { epoch } = id;
  await insert(client, [{ region: holderOf(id), epoch, ...tail, command: 'unlistable' }]);
}

export interface Counts {
  readonly transactions: number;
  readonly rows: number;
  readonly isListed: boolean;
}

/** What is listed for the epoch of `id` by others of its region: by it, or by its other nodes. */
export async function othersListed(client: PgClient, id: DivergenceId): Promise<Counts> {
  const row = await onlyRow(
    client,
    `SELECT count(DISTINCT (region, own_epoch, end_lsn)) FILTER (WHERE end_lsn IS NOT NULL)::text
         AS transactions,
       count(*) FILTER (WHERE command <> 'unlistable')::text AS rows,
       coalesce(NOT bool_or(command = 'unlistable'), true)::text AS listed
     FROM meridian.diverged
     WHERE split_part(region, '/', 1) = $1 AND epoch = $2 AND region <> $3`,
    [id.region, id.epoch, holderOf(id)],
  );
  const { transactions, rows, listed } = row;
  return {
    ...{ transactions: Number(transactions), rows: Number(rows) },
    isListed: listed === 'true',
  };
}

/**
 * One statement, because another region's node is a round trip away: a tail may be 100,000 rows.
 * Values are never changed by the trip: jsonb holds texts by column alone.
 */
async function insert(client: PgClient, rows: readonly object[]): Promise<void> {
  const listed = names.replace(
    'committed_us',
    `timestamptz '2000-01-01 00:00:00Z' + committed_us * interval '1 microsecond'`,
  );
  const { open } = await onlyRow(
    client,
    `WITH door AS MATERIALIZED (
       SELECT FROM meridian_local.fence
       WHERE open_epoch IS NOT NULL AND opened_start = pg_postmaster_start_time() FOR SHARE
     ), added AS (
       INSERT INTO meridian.diverged (${names.replace('committed_us', 'committed_at')})
       SELECT ${listed} FROM jsonb_to_recordset($1) AS r (${columns}), door
       ON CONFLICT DO NOTHING
     )
     SELECT count(*)::text AS open FROM door`,
    [JSON.stringify(rows)],
  );
  if (open === '1') return;
  throw new MeridianError('StaleEpoch', 'the node is not open: rows are listed where it is');
}

/** The row that `key` finds on this node now, values as texts; null for none or no such table. */
export async function rowNow(
  client: PgClient,
  { schema, table, key }: Pick<TailRow, 'schema' | 'table' | 'key'>,
): Promise<RowText | null> {
  const entries = Object.entries(key ?? {});
  if (entries.length === 0 || entries.some(([, value]) => value === null)) return null;
  const found = entries.map(([name], index) => `t.${quoteIdent(name)} = $${index + 1}`);
  const sql = `SELECT (SELECT jsonb_object_agg(e.key, e.value) FROM
      jsonb_each_text(to_jsonb(t)) e)::text AS row
    FROM ${quoteIdent(schema)}.${quoteIdent(table)} t WHERE ${found.join(' AND ')} LIMIT 1`;
  const values = entries.map(([, value]) => value);
  const { rows } = await client
    .query<{ row: string | null }>(sql, values)
    .catch(() => ({ rows: [] }));
  const text = rows[0]?.row ?? null;
  return text === null ? null : (JSON.parse(text) as RowText);
}

export interface Divergence {
  readonly region: string;
  readonly node: string | null;
  readonly epoch: number;
  readonly foundAt: string;
  readonly transactions: number;
  readonly rows: number;
  readonly confirmed: number;
  readonly maybeConfirmed: number;
  readonly isListed: boolean;
  readonly why: string | null;
}

/** One entry for each tail that is kept, the newest first. */
export async function listDivergences(client: PgClient): Promise<readonly Divergence[]> {
  const { rows } = await client.query<{ item: string }>(
    `SELECT json_build_object(${shownHolder}, 'epoch', epoch,
       'foundAt', to_char(min(found_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       'transactions', count(DISTINCT (own_epoch, end_lsn)) FILTER (WHERE end_lsn IS NOT NULL),
       'rows', count(*) FILTER (WHERE command <> 'unlistable'),
       'confirmed', count(*) FILTER (WHERE confirmed = 'yes' AND command <> 'unlistable'),
       'maybeConfirmed', count(*) FILTER (WHERE confirmed = 'unknown' AND command <> 'unlistable'),
       'isListed', NOT bool_or(command = 'unlistable'), 'why', max(why))::text AS item
     FROM meridian.diverged GROUP BY region, epoch ORDER BY min(found_at) DESC`,
  );
  return rows.map(({ item }) => JSON.parse(item) as Divergence);
}

/** Rows after `after` in the order of the log, as JSON for people and for export. */
export async function readRows(
  client: PgClient,
  id: DivergenceId,
  page: { readonly after: number; readonly limit: number },
): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await client.query<{ item: string }>(
    `SELECT json_build_object(${shownHolder}, 'epoch', epoch, 'ordinal', ordinal,
       'position', own_epoch || ':' || end_lsn, 'xid', xid, 'committedAt', committed_at,
       'command', command, 'schema', table_schema, 'table', table_name, 'key', row_key,
       'before', row_before, 'beforeFrom', before_from, 'after', row_after,
       'confirmed', confirmed, 'idempotencyKey', request_key, 'caller', request_caller,
       'why', why)::text AS item
     FROM meridian.diverged WHERE region = $1 AND epoch = $2 AND ordinal > $3
     ORDER BY ordinal LIMIT $4`,
    [holderOf(id), id.epoch, page.after, page.limit],
  );
  return rows.map(({ item }) => JSON.parse(item) as Record<string, unknown>);
}

/** Deletes what is kept of one tail; returns how many rows that were. */
export async function discardRows(client: PgClient, id: DivergenceId): Promise<number> {
  const { rowCount } = await client.query(
    'DELETE FROM meridian.diverged WHERE region = $1 AND epoch = $2',
    [holderOf(id), id.epoch],
  );
  return rowCount ?? 0;
}
