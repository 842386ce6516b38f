/**
 * A unique index that its source no longer enforces, because it is being dropped concurrently,
 * stands in the way of rows that were committed there since: it is dropped here first.
 */
import { uniqueIndexOf } from '../../../../shared/errors/sqlstate.ts';
import type { PgClient } from '../../../../shared/pg/client.ts';
import { quoteIdent } from '../../../../shared/pg/quote.ts';

/** The command that drops the index which refused a row; null when its source still enforces it. */
export async function dropOfUnenforced(client: PgClient, error: unknown): Promise<string | null> {
  const index = uniqueIndexOf(error);
  if (index === null) return null;
  const { rows } = await client.query(
    'SELECT FROM meridian.broken_index WHERE index_schema = $1 AND index_name = $2',
    [index.schema, index.name],
  );
  if (rows.length === 0) return null;
  return `DROP INDEX IF EXISTS ${quoteIdent(index.schema)}.${quoteIdent(index.name)}`;
}
