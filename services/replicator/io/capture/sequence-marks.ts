/** Records the marks of the primary's sequences in meridian.sequence_value. */
import type { PgClient } from '../../../../shared/pg/client.ts';
import { type MarkMade, nextMark, stepsAhead } from '../../core/sequence-mark.ts';

// Only what may need another mark: of most sequences nothing was drawn. $1: `stepsAhead`.
const candidatesSql = `
SELECT s.schemaname AS schema, s.sequencename AS name, s.last_value, s.min_value, s.max_value,
  s.increment_by, v.last_value AS mark
FROM pg_sequences s
LEFT JOIN meridian.sequence_value v
  ON v.schema_name = s.schemaname AND v.sequence_name = s.sequencename
WHERE s.last_value IS NOT NULL
  AND s.schemaname NOT IN ('meridian_local', 'pg_catalog', 'information_schema')
  AND (v.last_value IS NULL
    OR (v.last_value::numeric - s.last_value) / s.increment_by
      NOT BETWEEN $1::bigint / 2 AND $1::bigint)`;

const recordSql = `
INSERT INTO meridian.sequence_value (schema_name, sequence_name, last_value)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (schema_name, sequence_name) DO UPDATE SET last_value = excluded.last_value`;

interface Row {
  readonly schema: string;
  readonly name: string;
  readonly last_value: string;
  readonly min_value: string;
  readonly max_value: string;
  readonly increment_by: string;
  readonly mark: string | null;
}

export class SequenceMarks {
  readonly #made = new Map<string, MarkMade>();

  async record(client: PgClient): Promise<void> {
    const { rows } = await client.query<Row>(candidatesSql, [String(stepsAhead)]);
    const nowMs = performance.now();
    const made = rows.flatMap((row) => {
      const key = JSON.stringify([row.schema, row.name]);
      const lastValue = BigInt(row.last_value);
      const sequence = {
        lastValue,
        minValue: BigInt(row.min_value),
        maxValue: BigInt(row.max_value),
        increment: BigInt(row.increment_by),
        mark: row.mark === null ? null : BigInt(row.mark),
      };
      const mark = nextMark(sequence, this.#made.get(key) ?? null, nowMs);
      return mark === null ? [] : [{ key, row, mark, lastValue, atMs: nowMs }];
    });
    if (made.length === 0) return;
    const columns = [
      made.map(({ row }) => row.schema),
      made.map(({ row }) => row.name),
      made.map(({ mark }) => String(mark)),
    ];
    await client.query(recordSql, columns);
    for (const { key, ...rest } of made) this.#made.set(key, rest);
  }
}
