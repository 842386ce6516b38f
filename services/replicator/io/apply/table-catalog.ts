/** Reads from the region's own catalogs what the applier must know of a table. */
import type { TargetColumn, TargetTable } from '../../core/table-shape.ts';

interface QueryRunner {
  query(
    text: string,
    values: readonly unknown[],
  ): Promise<{ readonly rows: readonly Record<string, string | null>[] }>;
}

const columnsSql = `
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
  a.attgenerated AS generated, a.attidentity AS identity,
  (SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
   FROM pg_opclass oc
   JOIN pg_am am ON am.oid = oc.opcmethod AND am.amname = 'btree'
   JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3
    AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype
   JOIN pg_operator o ON o.oid = ao.amopopr
   JOIN pg_namespace n ON n.oid = o.oprnamespace
   WHERE oc.opcdefault AND oc.opcintype = base.oid LIMIT 1) AS own_equals,
  coalesce(a.attnum = ANY (i.indkey), false) AS in_primary_key
FROM pg_class c
JOIN pg_namespace s ON s.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type base ON base.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indimmediate
WHERE s.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
ORDER BY a.attnum`;

const triggersSql = `
SELECT 1 FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = $1 AND c.relname = $2 AND g.tgenabled IN ('A', 'R') AND NOT g.tgisinternal
LIMIT 1`;

const existsSql = `
SELECT 1 FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
WHERE s.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')`;

/** The table as it is now, in the session's transaction; null when there is none. */
export async function readTable(
  client: QueryRunner,
  schema: string,
  name: string,
): Promise<TargetTable | null> {
  const columns = await client.query(columnsSql, [schema, name]);
  if (columns.rows.length === 0) {
    const exists = await client.query(existsSql, [schema, name]);
    if (exists.rows.length === 0) return null;
  }
  const triggers = await client.query(triggersSql, [schema, name]);
  return {
    schema,
    name,
    columns: columns.rows.map(columnOf),
    primaryKey: columns.rows
      .filter((row) => row['in_primary_key'] === 't')
      .map((row) => row['name'] ?? ''),
    hasReplicaTriggers: triggers.rows.length > 0,
  };
}

function columnOf(row: Record<string, string | null>): TargetColumn {
  const own = row['own_equals'] ?? null;
  return {
    name: row['name'] ?? '',
    type: row['type'] ?? 'text',
    equals: own ?? 'OPERATOR(pg_catalog.=)',
    isGenerated: row['generated'] !== '',
    isIdentityAlways: row['identity'] === 'a',
  };
}
