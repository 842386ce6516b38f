/** Describes the application's schema in words that do not depend on object ids. */
import { z } from 'zod';
import type { PgClient } from '../../../../shared/pg/client.ts';
import type { SchemaDescription } from '../../core/operator/schema-difference.ts';
import { onlyRow } from '../node-connection.ts';

/**
 * What replicates or is replayed, and nothing that may differ: an index that is not valid serves
 * nobody and is in no other region; owners, roles and versions are compared by the replicator.
 */
const objectsSql = `
WITH relation AS (
  SELECT c.oid, c.relkind, c.relreplident, c.relpersistence, c.reloptions, c.relrowsecurity,
    c.relforcerowsecurity, format('%I.%I', n.nspname, c.relname) AS name,
    CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
      WHEN 'f' THEN 'foreign table' ELSE 'table' END AS word
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
    AND n.nspname !~ '^(pg_|information_schema|meridian)' AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
        AND d.deptype = 'e')
), object (rank, name, definition, part_of) AS (
  SELECT 1, word || ' ' || name, concat_ws(' ', relkind, relreplident, relpersistence,
    relrowsecurity, relforcerowsecurity, reloptions,
    (SELECT string_agg(inhparent::regclass::text, ',' ORDER BY inhseqno) FROM pg_inherits
      WHERE inhrelid = oid),
    CASE WHEN relkind IN ('v', 'm') THEN md5(pg_get_viewdef(oid)) END), ''
  FROM relation
  UNION ALL
  SELECT 2, format('column %s.%I', r.name, a.attname), concat_ws(' ',
    format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END,
    CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity' END,
    CASE WHEN a.attgenerated <> '' THEN 'generated' END,
    'default ' || pg_get_expr(d.adbin, d.adrelid),
    'collate ' || nullif(a.attcollation, t.typcollation)::regcollation), r.word || ' ' || r.name
  FROM relation r
  JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  UNION ALL
  SELECT 3, format('constraint %I of %s', k.conname, r.name), concat_ws(' ',
    pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN 'not validated' END),
    r.word || ' ' || r.name
  FROM relation r JOIN pg_constraint k ON k.conrelid = r.oid
  UNION ALL
  SELECT 4, 'index ' || i.indexrelid::regclass, concat_ws(' ', pg_get_indexdef(i.indexrelid),
    CASE WHEN i.indisreplident THEN 'replica identity' END), r.word || ' ' || r.name
  FROM relation r JOIN pg_index i ON i.indrelid = r.oid AND i.indisvalid
  UNION ALL
  SELECT 5, format('trigger %I of %s', g.tgname, r.name),
    concat_ws(' ', pg_get_triggerdef(g.oid), g.tgenabled), r.word || ' ' || r.name
  FROM relation r JOIN pg_trigger g ON g.tgrelid = r.oid AND NOT g.tgisinternal
  UNION ALL
  SELECT 5, format('rule %I of %s', w.rulename, r.name), pg_get_ruledef(w.oid),
    r.word || ' ' || r.name
  FROM relation r JOIN pg_rewrite w ON w.ev_class = r.oid AND w.rulename <> '_RETURN'
  UNION ALL
  SELECT 5, format('policy %I of %s', p.polname, r.name), concat_ws(' ', p.polcmd, p.polpermissive,
    (SELECT string_agg(who, ',' ORDER BY who COLLATE "C") FROM unnest(p.polroles) AS o,
      LATERAL (SELECT CASE o WHEN 0 THEN 'public' ELSE pg_get_userbyid(o)::text END) AS w (who)),
    pg_get_expr(p.polqual, p.polrelid),
    'check ' || pg_get_expr(p.polwithcheck, p.polrelid)), r.word || ' ' || r.name
  FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
  UNION ALL
  SELECT 6, format('sequence %I.%I', n.nspname, c.relname), concat_ws(' ',
    format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
    s.seqcycle), ''
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid AND c.relpersistence = 'p'
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname !~ '^(pg_|information_schema|meridian)'
  UNION ALL
  SELECT 7, 'routine ' || p.oid::regprocedure, CASE p.prokind WHEN 'a' THEN 'aggregate'
    ELSE md5(pg_get_functiondef(p.oid)) END, ''
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname !~ '^(pg_|information_schema|meridian)' AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
      AND d.deptype = 'e')
  UNION ALL
  SELECT 8, format('type %I.%I', n.nspname, t.typname), concat_ws(' ', t.typtype,
    CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, t.typdefault,
    CASE WHEN t.typnotnull THEN 'not null' END,
    (SELECT string_agg(quote_literal(enumlabel), ',' ORDER BY enumsortorder) FROM pg_enum
      WHERE enumtypid = t.oid),
    (SELECT string_agg(conname || ' ' || pg_get_constraintdef(k.oid), ',' ORDER BY conname)
      FROM pg_constraint k WHERE k.contypid = t.oid),
    (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ','
      ORDER BY a.attnum) FROM pg_attribute a WHERE c.relkind = 'c' AND a.attrelid = c.oid
      AND NOT a.attisdropped)), ''
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typtype IN ('c', 'd', 'e', 'r') AND (c.oid IS NULL OR c.relkind = 'c')
    AND n.nspname !~ '^(pg_|information_schema|meridian)' AND NOT EXISTS (
      SELECT FROM pg_depend d WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
        AND d.deptype = 'e')
)`;

/** Captured commands are numbered: a region that has run fewer is behind, not different. */
const commandsSql = `(SELECT coalesce(max(id), 0) FROM meridian.ddl)::text AS commands`;

const digestSql = `${objectsSql}
SELECT ${commandsSql}, (SELECT md5(coalesce(string_agg(format('%s: %s', name, definition), E'\\n'
  ORDER BY rank, name COLLATE "C", definition COLLATE "C"), '')) FROM object) AS digest`;

const fullSql = `${objectsSql}
SELECT ${commandsSql}, coalesce((SELECT json_agg(json_build_array(name, definition, part_of)
  ORDER BY rank, name COLLATE "C", definition COLLATE "C") FROM object), '[]') AS objects`;

const objectsSchema = z.array(z.tuple([z.string(), z.string(), z.string()]));

/** What the schema is, in short: equal schemas have equal digests. */
export async function readSchemaDigest(
  client: PgClient,
): Promise<{ readonly commands: bigint; readonly digest: string }> {
  const row = await onlyQualified(client, digestSql);
  return { commands: BigInt(row['commands'] ?? '0'), digest: row['digest'] ?? '' };
}

export async function readSchema(client: PgClient): Promise<SchemaDescription> {
  const row = await onlyQualified(client, fullSql);
  const objects = objectsSchema.parse(JSON.parse(row['objects'] ?? '[]'));
  return {
    commands: BigInt(row['commands'] ?? '0'),
    objects: objects.map(([name, definition, partOf]) => ({ name, definition, partOf })),
  };
}

/** Names are written with their schemas, whatever the path of the database is. */
async function onlyQualified(client: PgClient, sql: string): ReturnType<typeof onlyRow> {
  await client.query('SET search_path = pg_catalog');
  return onlyRow(client, sql);
}
