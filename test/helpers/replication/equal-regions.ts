/** Compares the tables and the catalogs of PostgreSQL servers. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { readSchema } from '../../../services/failover/io/watch/schema-description.ts';
import { withPg } from '../../../shared/pg/client.ts';
import { eventually } from '../eventually.ts';
import type { TestServer } from '../postgres.ts';

/** The same value has the same text, whatever the server's settings are. */
const textSettings =
  '-c datestyle=ISO -c intervalstyle=postgres -c timezone=UTC -c extra_float_digits=1 ' +
  '-c bytea_output=hex -c lc_monetary=C -c search_path=pg_catalog';

async function ask(server: TestServer, sql: string): Promise<Record<string, string | null>[]> {
  return withPg({ ...server.target(), options: textSettings }, async (client) => {
    const { rows } = await client.query<Record<string, string | null>>(sql);
    return rows;
  });
}

const tablesSql = `
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'meridian_local')
  AND n.nspname NOT LIKE 'pg\\_toast%' AND c.relname NOT IN ('carried_row', 'sequence_value')
ORDER BY 1`;

/**
 * What a schema is, in words that do not depend on object ids. An index that was left invalid
 * serves nobody and is in no other region.
 */
const catalogSql = `
WITH broken AS (SELECT indexrelid AS oid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE NOT i.indisvalid AND c.relkind = 'i')
SELECT 'column' AS kind, format('%I.%I.%s %I %s %s %s %s %s', n.nspname, c.relname, a.attnum,
    a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
    pg_get_expr(d.adbin, d.adrelid)) || format(' %s %s %s %s %s', a.attstattarget, a.attstorage,
    a.attcompression, a.attoptions, a.attacl) AS text
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND n.nspname !~ '^(pg_|information_schema|meridian)'
  AND c.oid NOT IN (SELECT oid FROM broken)
UNION ALL
SELECT 'relation', format('%I.%I %s %s %s %s %s %s',
  n.nspname, c.relname, c.relkind, c.relreplident,
    c.relpersistence, c.reloptions, c.relowner::regrole, c.relacl)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema|meridian)'
  AND c.oid NOT IN (SELECT oid FROM broken)
UNION ALL
SELECT 'constraint', format('%s %I %s', conrelid::regclass, conname, pg_get_constraintdef(c.oid))
FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
WHERE n.nspname !~ '^(pg_|information_schema|meridian)'
UNION ALL
SELECT 'index', format('%s %s %s %s', pg_get_indexdef(i.indexrelid), i.indisvalid,
  i.indisclustered, i.indisreplident)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema|meridian)'
  AND c.oid NOT IN (SELECT oid FROM broken)
UNION ALL
SELECT 'view', format('%I.%I %s', schemaname, viewname, definition) FROM pg_views
WHERE schemaname !~ '^(pg_|information_schema|meridian)'
UNION ALL
SELECT 'matview', format('%I.%I %s %s', schemaname, matviewname, definition, ispopulated)
FROM pg_matviews
UNION ALL
SELECT 'function', CASE p.prokind WHEN 'a' THEN p.oid::regprocedure::text
  ELSE pg_get_functiondef(p.oid) END || p.proowner::regrole
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname !~ '^(pg_|information_schema|meridian)'
UNION ALL
SELECT 'trigger', pg_get_triggerdef(t.oid) || t.tgenabled::text FROM pg_trigger t
WHERE NOT t.tgisinternal
UNION ALL
SELECT 'rule', pg_get_ruledef(r.oid) FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema|meridian)'
UNION ALL
SELECT 'type', format('%I.%I %s %s %s', n.nspname, t.typname, t.typtype, t.typowner::regrole,
  (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = t.oid))
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname !~ '^(pg_|information_schema|meridian)'
UNION ALL
SELECT 'schema', format('%I %s %s', nspname, nspowner::regrole, nspacl) FROM pg_namespace
WHERE nspname !~ '^(pg_|information_schema|meridian)'
UNION ALL
SELECT 'policy', format('%I.%I %I %s %s %s %s', schemaname, tablename, policyname, roles, cmd, qual,
  with_check) FROM pg_policies
UNION ALL
SELECT 'comment', format('%s %s %s', pg_describe_object(classoid, objoid, objsubid), objsubid,
  description) FROM pg_description d WHERE EXISTS (SELECT FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = d.objoid
  AND d.classoid = 'pg_class'::regclass AND c.oid NOT IN (SELECT oid FROM broken)
  AND n.nspname !~ '^(pg_|information_schema|meridian)')
UNION ALL
SELECT 'extension', extname || extversion FROM pg_extension
UNION ALL
SELECT 'default acl', format('%s %s %s', defaclrole::regrole, defaclobjtype, defaclacl)
FROM pg_default_acl
UNION ALL
SELECT 'sequence', format('%s %s %s %s %s %s %s', seqrelid::regclass, seqtypid::regtype, seqstart,
  seqincrement, seqmin, seqmax, seqcycle) FROM pg_sequence
JOIN pg_class c ON c.oid = seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema|meridian)'
UNION ALL
SELECT 'statistics', pg_get_statisticsobjdef(oid) || stxstattarget FROM pg_statistic_ext
UNION ALL
SELECT 'operator', format('%s %s %s', oid::regoperator, oprcode, oprrest) FROM pg_operator
WHERE oid >= 16384
UNION ALL
SELECT 'cast', format('%s %s %s', castsource::regtype, casttarget::regtype, castcontext)
FROM pg_cast WHERE oid >= 16384
UNION ALL
SELECT 'text search', format('%s %s', oid::regconfig, (SELECT string_agg(mapdict::regdictionary
  || ':' || maptokentype, ',' ORDER BY maptokentype, mapseqno) FROM pg_ts_config_map
  WHERE mapcfg = c.oid)) FROM pg_ts_config c WHERE oid >= 16384
UNION ALL
SELECT 'dictionary', format('%s %s', oid::regdictionary, dictinitoption) FROM pg_ts_dict
WHERE oid >= 16384
UNION ALL
SELECT 'server', format('%I %s %s', srvname, srvoptions, srvacl) FROM pg_foreign_server
UNION ALL
SELECT 'user mapping', format('%s %s %s', srvname, usename, umoptions) FROM pg_user_mappings
UNION ALL
SELECT 'foreign table', format('%s %s', ftrelid::regclass, ftoptions) FROM pg_foreign_table
UNION ALL
SELECT 'publication', format('%I %s %s %s', pubname, puballtables, pubinsert, pubviaroot)
FROM pg_publication WHERE pubname !~ '^meridian_'
UNION ALL
SELECT 'inheritance', format('%s %s %s', inhparent::regclass, inhrelid::regclass, inhseqno)
FROM pg_inherits
ORDER BY 1, 2`;

/** Table name → number of rows and a checksum of all of them. */
export async function tableSums(server: TestServer): Promise<Record<string, string>> {
  return withPg({ ...server.target(), options: textSettings }, async (client) => {
    const tables = await client.query<{ name: string }>(tablesSql);
    const sums: Record<string, string> = {};
    for (const { name } of tables.rows) {
      const { rows } = await client.query<{ sum: string }>(
        `SELECT count(*) || ' ' || coalesce(
           md5(string_agg(md5((t.*)::text), '' ORDER BY (t.*)::text COLLATE "C")), '-') AS sum
         FROM ONLY ${name} AS t`,
      );
      sums[name] = rows[0]?.sum ?? '';
    }
    return sums;
  });
}

/** Lines that describe every object of the application. */
export async function catalogLines(server: TestServer): Promise<string[]> {
  const rows = await ask(server, catalogSql);
  return rows.map((row) => `${row['kind'] ?? ''}: ${row['text'] ?? ''}`);
}

/**
 * Fails with the difference unless rows and catalogs are the same. The application's tables are
 * compared at once; Meridian's own, which its watchers write at times of their own, have a while
 * to become equal.
 */
export async function assertEqualRegions(a: TestServer, b: TestServer): Promise<void> {
  const [ours, theirs] = [await catalogLines(a), await catalogLines(b)];
  const only = (left: readonly string[], right: readonly string[]): string[] => {
    const known = new Set(right);
    return left.filter((line) => !known.has(line));
  };
  assert.deepEqual([only(ours, theirs), only(theirs, ours)], [[], []], 'catalogs differ');
  const described = await Promise.all([a, b].map((one) => withPg(one.target(), readSchema)));
  assert.deepEqual(described[1]?.objects, described[0]?.objects, 'schemas are told to differ');
  let sums = await Promise.all([tableSums(a), tableSums(b)]);
  assert.deepEqual(ofApplication(sums[1]), ofApplication(sums[0]));
  await eventually(async () => {
    sums = await Promise.all([tableSums(a), tableSums(b)]);
    return isDeepStrictEqual(sums[0], sums[1]);
  }).catch(() => {
    assert.deepEqual(sums[1], sums[0]);
  });
}

function ofApplication(sums: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(sums).filter(([name]) => !name.startsWith('meridian.')));
}
