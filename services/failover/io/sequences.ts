/** Sequences are not decoded: a promoted region must never hand out a value that was used. */
import type { PgClient } from '../../../shared/pg/client.ts';

/** Moves every sequence of the database to or past what `meridian.sequence_value` recorded. */
export async function raiseSequences(client: PgClient): Promise<void> {
  await client.query(`SELECT setval(format('%I.%I', s.schemaname, s.sequencename)::regclass,
      least(s.max_value, greatest(s.min_value, v.last_value)))
    FROM meridian.sequence_value v
    JOIN pg_sequences s ON s.schemaname = v.schema_name AND s.sequencename = v.sequence_name
    WHERE NOT s.cycle AND (s.last_value IS NULL
      OR CASE WHEN s.increment_by > 0 THEN s.last_value < v.last_value
         ELSE s.last_value > v.last_value END)`);
}
