/**
 * DDL of many forms, issued as an application does: equal rows and catalogs in the other region.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { locatePrograms, postgresMajorVersion } from '../../../services/local/programs.ts';
import { connectPg, type PgClient } from '../../../shared/pg/client.ts';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startHandCluster, type HandCluster } from '../../helpers/replication/hand-cluster.ts';

/** 17 knows generated columns that are stored alone. */
const isBefore18 = postgresMajorVersion(locatePrograms().postgresHome) < 18;
const virtual = isBefore18 ? 'STORED' : 'VIRTUAL';
let cluster: HandCluster;
let app: PgClient;

before(async () => {
  cluster = await startHandCluster(2);
  app = await connectPg(cluster.primary.server.target('app'));
  await app.query('SET synchronous_commit = local');
});

after(async () => {
  await app.end();
  await cluster.stop();
});

/** Runs `texts` in order, then compares the regions. */
async function travels(...texts: readonly string[]): Promise<void> {
  for (const text of texts) await app.query(text);
  const [replica] = cluster.replicas;
  assert.ok(replica !== undefined);
  await cluster.caughtUp(replica).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${replica.report()?.why ?? ''}`);
  });
  await assertEqualRegions(cluster.primary.server, replica.server);
}

const histories: readonly (readonly [string, readonly string[]])[] = [
  [
    'trap 38: several commands in one string, with rows in between',
    [
      `CREATE SCHEMA shop; CREATE TABLE shop.a (id int PRIMARY KEY, v text);
       INSERT INTO shop.a VALUES (1, 'x'); ALTER TABLE shop.a ADD COLUMN w int DEFAULT 3;
       INSERT INTO shop.a VALUES (2, 'y', 4); CREATE TABLE shop.b (id int PRIMARY KEY)`,
    ],
  ],
  [
    'trap 38: DDL in a DO block, static and dynamic, with rows in between',
    [
      `DO $$ BEGIN
         CREATE TABLE d1 (id int PRIMARY KEY);
         INSERT INTO d1 VALUES (1);
         EXECUTE 'CREATE TABLE d2 (id int PRIMARY KEY, v text); ALTER TABLE d2 ADD w int';
         FOR i IN 1..3 LOOP EXECUTE format('CREATE TABLE d3_%s (id int PRIMARY KEY)', i); END LOOP;
         INSERT INTO d2 VALUES (1, 'a', 2);
       END $$`,
    ],
  ],
  [
    'trap 38: DDL in a function and in a procedure',
    [
      `CREATE FUNCTION make_table(name text) RETURNS void LANGUAGE plpgsql AS
       $$ BEGIN EXECUTE format('CREATE TABLE %I (id int PRIMARY KEY)', name); END $$`,
      `SELECT make_table('f1')`,
      `CREATE PROCEDURE make_two() LANGUAGE plpgsql AS
       $$ BEGIN CREATE TABLE p1 (id int PRIMARY KEY); COMMIT;
          CREATE TABLE p2 (id int PRIMARY KEY); END $$`,
      'CALL make_two()',
    ],
  ],
  [
    'trap 37: CREATE TABLE AS and SELECT INTO with random values',
    [
      'CREATE TABLE c1 AS SELECT g AS id, random() AS r FROM generate_series(1, 1000) g',
      `SELECT id, r, md5(r::text) COLLATE "C" AS m INTO c2 FROM c1`,
      'CREATE TABLE c3 WITH (fillfactor = 70) AS SELECT * FROM c1 WITH NO DATA',
      'CREATE TABLE IF NOT EXISTS c3 AS SELECT * FROM c1',
      'UPDATE c1 SET r = 0 WHERE id = 5',
    ],
  ],
  [
    'trap 36: defaults that differ by row or by moment, on filled tables',
    [
      'CREATE TABLE r1 (id int PRIMARY KEY, big text)',
      `INSERT INTO r1 SELECT g, repeat(md5(g::text), 100) FROM generate_series(1, 2000) g`,
      'ALTER TABLE r1 ADD COLUMN u uuid DEFAULT gen_random_uuid()',
      'ALTER TABLE r1 ADD COLUMN t timestamptz DEFAULT now()',
      'ALTER TABLE r1 ADD COLUMN s serial',
      'ALTER TABLE r1 ADD COLUMN i bigint GENERATED ALWAYS AS IDENTITY',
      'ALTER TABLE r1 ALTER COLUMN s TYPE text USING s::text || random()::text',
      'ALTER TABLE r1 ADD COLUMN g text GENERATED ALWAYS AS (id::text) STORED',
      'CREATE TABLE r2 (v text)',
      `INSERT INTO r2 VALUES ('a'), ('a'), (NULL)`,
      'ALTER TABLE r2 ADD COLUMN id uuid DEFAULT gen_random_uuid() PRIMARY KEY',
      `UPDATE r2 SET v = 'b' WHERE v = 'a'`,
      'UPDATE r1 SET t = NULL WHERE id = 7',
    ],
  ],
  [
    'trap 20, 21: a table without a key, with json, NULLs and equal rows',
    [
      'CREATE TABLE k1 (a int, j json, p point)',
      `INSERT INTO k1 VALUES (1, '{"a": 1}', '(1,2)'), (1, '{"a": 1}', '(1,2)'),
         (NULL, NULL, NULL), (1, '{"a":1}', '(1,2)')`,
      'DELETE FROM k1 WHERE ctid = (SELECT min(ctid) FROM k1 WHERE a = 1)',
      `UPDATE k1 SET a = 2 WHERE j::text = '{"a":1}'`,
      'ALTER TABLE k1 DROP COLUMN p, ADD COLUMN q xml',
      `UPDATE k1 SET q = '<x/>' WHERE a IS NULL`,
    ],
  ],
  [
    'trap 22, 23: identity and generated columns',
    [
      `CREATE TABLE g1 (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int,
         s int GENERATED ALWAYS AS (n * 2) STORED, w int GENERATED ALWAYS AS (n + 1) ${virtual})`,
      'INSERT INTO g1 (n) SELECT g FROM generate_series(1, 10) g',
      'UPDATE g1 SET n = n + 1 WHERE id < 4',
      'UPDATE g1 SET id = DEFAULT WHERE id = 5',
      'DELETE FROM g1 WHERE id = 6',
    ],
  ],
  [
    'trap 23: a key over a generated column',
    [
      `CREATE TABLE g2 (n int, v text, k int GENERATED ALWAYS AS (n / 10) STORED,
         PRIMARY KEY (v, k))`,
      `INSERT INTO g2 SELECT g * 10, 'x' FROM generate_series(1, 5) g`,
      `UPDATE g2 SET n = 63 WHERE k = 3`,
      `UPDATE g2 SET v = 'y' WHERE k = 4`,
      'DELETE FROM g2 WHERE k = 5',
    ],
  ],
  [
    'trap 45, 46: partitions: rows, moves, attach, detach, truncate',
    [
      `CREATE TABLE m (id int, at date, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
       CREATE TABLE m1 PARTITION OF m FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
       CREATE TABLE m2 PARTITION OF m FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')`,
      `INSERT INTO m SELECT g, date '2024-06-01' + g, 'v' FROM generate_series(1, 300) g`,
      `UPDATE m SET at = at + 300 WHERE id < 20`,
      `CREATE TABLE m3 (id int NOT NULL, at date NOT NULL, v text)`,
      `INSERT INTO m3 VALUES (1, '2026-05-05', 'x')`,
      `ALTER TABLE m ATTACH PARTITION m3 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
      `ALTER TABLE m DETACH PARTITION m1`,
      'TRUNCATE m2',
      `INSERT INTO m VALUES (9, '2026-07-07', 'y')`,
    ],
  ],
  [
    'trap 45: TRUNCATE of several tables, RESTART IDENTITY and CASCADE',
    [
      'CREATE TABLE t1 (id serial PRIMARY KEY); CREATE TABLE t2 (id int PRIMARY KEY REFERENCES t1)',
      'INSERT INTO t1 SELECT FROM generate_series(1, 5); INSERT INTO t2 VALUES (1), (2)',
      'TRUNCATE t1 RESTART IDENTITY CASCADE',
      'INSERT INTO t1 DEFAULT VALUES',
    ],
  ],
  [
    'trap 39: indexes made and dropped concurrently',
    [
      'CREATE TABLE x (id int PRIMARY KEY, v text)',
      `INSERT INTO x SELECT g, g::text FROM generate_series(1, 100) g`,
      'CREATE INDEX CONCURRENTLY x_v ON x (v)',
      'CREATE INDEX CONCURRENTLY ON x (v, id)',
      'DROP INDEX CONCURRENTLY x_v',
      'REINDEX TABLE CONCURRENTLY x',
    ],
  ],
  [
    'trap 27: an enum value and its use, in two transactions that travel together',
    [
      `CREATE TYPE mood AS ENUM ('sad')`,
      'CREATE TABLE e (id int PRIMARY KEY, m mood)',
      `ALTER TYPE mood ADD VALUE 'happy'`,
      `INSERT INTO e VALUES (1, 'happy')`,
      `ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'`,
      `INSERT INTO e VALUES (2, 'blue')`,
    ],
  ],
  [
    'trap 41: an odd search_path, a role, an extension, temporary tables',
    [
      'CREATE SCHEMA "odd one"; SET search_path = "odd one", public',
      'CREATE TABLE inside (id int PRIMARY KEY)',
      'CREATE TEMP TABLE passing (id int); ALTER TABLE passing ADD v text; DROP TABLE passing',
      'RESET search_path',
      'GRANT SELECT ON "odd one".inside TO meridian_router',
      'ALTER DEFAULT PRIVILEGES IN SCHEMA "odd one" GRANT SELECT ON TABLES TO meridian_router',
      'CREATE TABLE "odd one"."it\'s" (id int PRIMARY KEY)',
      `COMMENT ON TABLE "odd one"."it's" IS 'a ''comment'' with "quotes"'`,
    ],
  ],
  [
    'trap 40: nested, renamed, moved, dropped; views, rules, triggers, policies, domains',
    [
      'CREATE SCHEMA one; CREATE SCHEMA two',
      `CREATE DOMAIN one.positive AS int CHECK (VALUE > 0)`,
      `CREATE TYPE one.pair AS (a int, b text)`,
      `CREATE TABLE one.n
         (id int PRIMARY KEY, p one.positive, c one.pair, u int UNIQUE DEFERRABLE)`,
      `INSERT INTO one.n VALUES (1, 2, ROW(1, 'x'), 1), (2, 3, ROW(NULL, 'a"b'), 2)`,
      `ALTER TABLE one.n SET SCHEMA two; ALTER TABLE two.n RENAME TO m;
       ALTER TABLE two.m RENAME u TO w`,
      'ALTER TABLE two.m DROP CONSTRAINT n_u_key, ADD CONSTRAINT n_u_key UNIQUE (w, id)',
      `CREATE VIEW two.v AS SELECT id FROM two.m;
       CREATE MATERIALIZED VIEW two.mv AS SELECT count(*) FROM two.m`,
      'INSERT INTO two.m VALUES (3, 4, NULL, 3)',
      'REFRESH MATERIALIZED VIEW two.mv',
      `CREATE FUNCTION two.note() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN INSERT INTO two.log VALUES (NEW.id); RETURN NEW; END $$`,
      'CREATE TABLE two.log (id int)',
      'CREATE TRIGGER note AFTER INSERT ON two.m FOR EACH ROW EXECUTE FUNCTION two.note()',
      'INSERT INTO two.m VALUES (4, 5, NULL, 4)',
      'CREATE RULE r AS ON DELETE TO two.log DO INSTEAD NOTHING',
      'ALTER TABLE two.m ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON two.m USING (id > 0)',
      'CREATE SEQUENCE two.s START 5; ALTER SEQUENCE two.s INCREMENT 3',
      'DROP VIEW two.v; DROP SCHEMA one CASCADE; DROP TABLE IF EXISTS nothing_here',
    ],
  ],
];

for (const [name, texts] of histories) test(name, () => travels(...texts));

test('DDL in a transaction that rolls back leaves no trace', async () => {
  await travels(
    'BEGIN; CREATE TABLE gone (id int); ROLLBACK',
    'CREATE TABLE kept (id int PRIMARY KEY)',
  );
});

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['an unlogged table', 'CREATE UNLOGGED TABLE refused_1 (id int)', /unlogged/],
  [
    'a forged capture',
    `SELECT meridian.record_ddl('ddl_command_end', 'X', 'meridian_owner', '')`,
    /called by event triggers only/,
  ],
];

for (const [name, text, message] of refused) {
  test(`${name} is refused at the source`, async () => {
    await assert.rejects(app.query(text), message);
  });
}
