/** Sequences are not decoded: a promoted region must never hand out a value that was used. */
import type { PgClient } from '../../../shared/pg/client.ts';

// What was recorded is ahead of what was drawn (services/replicator/core/sequence-mark.ts).
const toMarks = `
SELECT setval(format('%I.%I', s.schemaname, s.sequencename)::regclass,
    least(s.max_value, greatest(s.min_value, v.last_value)))
FROM meridian.sequence_value v
JOIN pg_sequences s ON s.schemaname = v.schema_name AND s.sequencename = v.sequence_name
WHERE NOT s.cycle AND (s.last_value IS NULL
  OR CASE WHEN s.increment_by > 0 THEN s.last_value < v.last_value
     ELSE s.last_value > v.last_value END)`;

// A burst may have gone past the mark. Where a column owns the sequence and an index leads with it,
// its rows say so. Values more than a million steps ahead were not drawn but given by somebody.
const pastRows = `
DO $$
DECLARE
  owned record;
  reached bigint;
  bound bigint;
  used bigint;
BEGIN
  FOR owned IN
    SELECT q.seqrelid, q.seqincrement AS step, q.seqmin, q.seqmax, q.seqstart, a.attname,
      format('%I.%I', n.nspname, r.relname) AS owner
    FROM pg_depend d
    JOIN pg_sequence q ON q.seqrelid = d.objid
    JOIN pg_class r ON r.oid = d.refobjid
    JOIN pg_namespace n ON n.oid = r.relnamespace
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') AND NOT q.seqcycle AND r.relpersistence = 'p'
      AND n.nspname <> 'meridian_local'
      AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
      AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid AND i.indisvalid
        AND i.indpred IS NULL AND i.indkey[0] = a.attnum)
  LOOP
    reached := coalesce(pg_sequence_last_value(owned.seqrelid), owned.seqstart);
    bound := least(owned.seqmax,
      greatest(owned.seqmin, reached::numeric + 1000000::numeric * owned.step));
    EXECUTE format(CASE WHEN owned.step > 0
        THEN 'SELECT max(%1$I) FROM %2$s WHERE %1$I <= $1'
        ELSE 'SELECT min(%1$I) FROM %2$s WHERE %1$I >= $1' END, owned.attname, owned.owner)
      INTO used USING bound;
    IF (used - reached::numeric) * owned.step >= 0 THEN
      PERFORM setval(owned.seqrelid, least(owned.seqmax, greatest(owned.seqmin, used)));
    END IF;
  END LOOP;
END
$$`;

/** Moves every sequence past all values that the old primary may have handed out. */
export async function raiseSequences(client: PgClient): Promise<void> {
  await client.query(toMarks);
  await client.query(pastRows);
}
