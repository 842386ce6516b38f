/** What the soak writes: random transactions on mixed tables, and DDL beside them. */
import type { PgClient } from '../../shared/pg/client.ts';

/** A number from 0 up to 1, the same for the same seed. */
export type Random = () => number;

export const soakTables = `
CREATE TYPE mood AS ENUM ('calm', 'busy');
CREATE TABLE kv (id int PRIMARY KEY, v text, n bigint DEFAULT 0);
CREATE TABLE no_key (a int, b jsonb, c point);
CREATE TABLE pair (a text, b text, m mood, UNIQUE (b) DEFERRABLE INITIALLY DEFERRED,
  PRIMARY KEY (a, b));
CREATE TABLE typed (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz, amount numeric,
  tags text[], doc jsonb, span int4range, raw bytea, twice numeric GENERATED ALWAYS AS (amount * 2)
  STORED);
CREATE TABLE wide (id int PRIMARY KEY, small int, large text);
CREATE TABLE part (id int, region int, v text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE part_1 PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_2 PARTITION OF part FOR VALUES IN (2);
CREATE TABLE child (id int PRIMARY KEY, kv int REFERENCES kv ON DELETE CASCADE);
CREATE TABLE total (id int PRIMARY KEY, n int);
INSERT INTO total VALUES (1, 0)`;

/** Statements of one kind; `n` is a number below 500 that two writers may share. */
const changes: readonly ((n: number, random: Random) => string)[] = [
  (n) => `INSERT INTO kv VALUES (${n}, 'v${n}') ON CONFLICT (id) DO UPDATE SET n = kv.n + 1`,
  (n) => `UPDATE kv SET v = v || 'x' WHERE id = ${n} AND length(v) < 200`,
  (n) => `UPDATE kv SET id = id + 1000 WHERE id = ${n}`,
  (n) => `DELETE FROM kv WHERE id IN (${n}, ${n + 1000})`,
  (n) => `INSERT INTO child SELECT ${n}, id FROM kv LIMIT 1 ON CONFLICT DO NOTHING`,
  (n) =>
    `INSERT INTO no_key VALUES (${n % 20}, '{"a": ${n % 3}}', point(${n % 5}, 1)),
      (NULL, NULL, NULL)`,
  (n) => `UPDATE no_key SET b = '[1.0, ${n}]' WHERE a = ${n % 20}`,
  (n) => `DELETE FROM no_key WHERE ctid = (SELECT ctid FROM no_key WHERE a = ${n % 20} LIMIT 1)`,
  (n) => `INSERT INTO pair VALUES ('a${n}', 'b${n}', 'calm') ON CONFLICT (a, b) DO NOTHING`,
  (n) => `UPDATE pair SET b = CASE b WHEN 'b${n}' THEN 'b${n + 1}' ELSE 'b${n}' END
          WHERE b IN ('b${n}', 'b${n + 1}')`,
  (n) => `DELETE FROM pair WHERE a = 'a${n}'`,
  (n) => `INSERT INTO typed (at, amount, tags, doc, span, raw) VALUES (now(), ${n}.10 / 3,
          ARRAY['x', NULL, '"q"', ${n}::text], jsonb_build_object('n', 1.50, 'k', ${n}),
          int4range(${n}, ${n + 5}), sha256('${n}'))`,
  (n) =>
    `UPDATE typed SET at = 'infinity', tags = tags || '{}', amount = 'NaN'
      WHERE id % 97 = ${n % 97}`,
  (n) => `DELETE FROM typed WHERE id % 31 = ${n % 31}`,
  (n) => `INSERT INTO wide VALUES (${n}, 0, (SELECT string_agg(md5((g * ${n})::text), '')
          FROM generate_series(1, 400) g)) ON CONFLICT (id) DO UPDATE SET small = wide.small + 1`,
  (n) => `INSERT INTO part VALUES (${n}, ${(n % 2) + 1}, 'p') ON CONFLICT DO NOTHING`,
  (n) => `UPDATE part SET region = 3 - region WHERE id = ${n}
          AND NOT EXISTS (SELECT FROM part o WHERE o.id = ${n} AND o.region = 3 - part.region)`,
  () => `UPDATE total SET n = n + 1 WHERE id = 1`,
  (n) => `INSERT INTO kv SELECT g, 'bulk'
          FROM generate_series(${5000 + n * 10}, ${5000 + n * 10 + 800}) g
          ON CONFLICT (id) DO NOTHING`,
  () => `DELETE FROM kv WHERE id >= 5000`,
  (n, random) => (random() < 0.05 ? 'TRUNCATE child, no_key' : `SELECT ${n}`),
];

/** One transaction of one to five statements; a tenth of them are rolled back. */
export async function writeSomething(client: PgClient, random: Random): Promise<void> {
  const modes = ['local', 'on', 'remote_write', 'remote_apply'];
  await client.query('BEGIN');
  try {
    await client.query(`SET LOCAL synchronous_commit = ${modes[Math.floor(random() * 4)] ?? 'on'}`);
    const count = 1 + Math.floor(random() * 5);
    for (let index = 0; index < count; index += 1) {
      const change = changes[Math.floor(random() * changes.length)];
      const isInner = random() < 0.1;
      if (isInner) await client.query('SAVEPOINT inner_part');
      await client.query(change?.(Math.floor(random() * 500), random) ?? 'SELECT 1');
      if (isInner) await client.query('ROLLBACK TO inner_part');
    }
    await client.query(random() < 0.1 ? 'ROLLBACK' : 'COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Commands of one step of DDL; `n` counts the steps. */
export function ddlStep(n: number): readonly string[] {
  const last = n - 1;
  const steps: readonly (readonly string[])[] = [
    [
      `CREATE TABLE made_${n} (id serial PRIMARY KEY, v text);
      INSERT INTO made_${n} (v) VALUES ('a'), ('b')`,
    ],
    [`ALTER TABLE kv ADD COLUMN c${n} text DEFAULT gen_random_uuid()`],
    [`ALTER TABLE kv DROP COLUMN c${last}`],
    [`CREATE INDEX CONCURRENTLY ON typed (amount, id)`],
    [`CREATE TABLE copied_${n} AS SELECT id, random() AS r FROM kv LIMIT 50`],
    [`ALTER TYPE mood ADD VALUE 'm${n}'`, `INSERT INTO pair VALUES ('m${n}', 'm${n}', 'm${n}')`],
    [`CREATE TABLE part_${n + 10} PARTITION OF part FOR VALUES IN (${n + 10})`],
    [
      `INSERT INTO part VALUES (${n}, ${n + 9}, 'x');
      ALTER TABLE part DETACH PARTITION part_${n + 9}`,
    ],
    [`CREATE VIEW seen_${n} AS SELECT id, v FROM kv; GRANT SELECT ON seen_${n} TO PUBLIC`],
    [
      `DO $$ BEGIN EXECUTE 'ALTER TABLE wide ADD COLUMN d${n} int DEFAULT 7';
      UPDATE wide SET d${n} = 8; END $$`,
    ],
    [`ALTER TABLE wide DROP COLUMN d${last}`],
    [
      `CREATE TABLE bare_${n} (a int, b text); INSERT INTO bare_${n} VALUES (1, 'x'), (1, 'x');
      DELETE FROM bare_${n} WHERE ctid = '(0,1)'; ALTER TABLE bare_${n} ADD PRIMARY KEY (a)`,
    ],
  ];
  return steps[n % steps.length] ?? [];
}
