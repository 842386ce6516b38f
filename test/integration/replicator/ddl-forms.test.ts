/**
 * Each form of DDL is issued as an application does; after each one the catalogs and the rows of
 * the other server are equal. What lies between is the replicator's reader and applier.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { objectForms } from '../../fixtures/replication/ddl-object-forms.ts';
import { partitionForms, tableForms, type DdlForm } from '../../fixtures/replication/ddl-forms.ts';
import { locatePrograms, postgresMajorVersion } from '../../../services/local/programs.ts';
import { connectPg, withPg } from '../../../shared/pg/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startPair, type ReplicatedPair } from '../../helpers/replication/pair.ts';
import { whileCapturing } from '../../helpers/replication/while-capturing.ts';

let pair: ReplicatedPair;

before(async () => {
  pair = await startPair();
});

after(() => pair.stop());

const forms: readonly DdlForm[] = [...tableForms, ...partitionForms, ...objectForms];

const isBefore18 = postgresMajorVersion(locatePrograms().postgresHome) < 18;
const later = '18:';

for (const [name, ...all] of forms) {
  const statements = all
    .filter((statement) => !isBefore18 || !statement.startsWith(later))
    .map((statement) => (statement.startsWith(later) ? statement.slice(later.length) : statement));
  test(name, { skip: statements.length === 0 }, async () => {
    for (const statement of statements) {
      const [, ownerText] = /^owner:(.*)$/s.exec(statement) ?? [];
      if (ownerText === undefined) await pair.app.query(statement);
      else await pair.source.query(ownerText);
    }
    await pair.caughtUp();
    await assertEqualRegions(pair.source, pair.target);
  });
}

async function travels(...texts: readonly string[]): Promise<void> {
  for (const text of texts) await pair.app.query(text);
  await pair.caughtUp();
  await assertEqualRegions(pair.source, pair.target);
}

/** Names of the table's indexes on the target that serve queries. */
async function validIndexes(table: string): Promise<unknown[]> {
  const rows = await pair.target.query(
    `SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = $1::regclass
     AND indisvalid ORDER BY 1`,
    [table],
  );
  return rows.map((row) => row['name']);
}

/** A session looks at the table until `work` is done. */
async function whileReading<T>(table: string, work: () => Promise<T>): Promise<T> {
  const reader = await connectPg(pair.source.target('app'));
  try {
    await reader.query(`BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM ${table}`);
    return await work();
  } finally {
    await reader.end();
  }
}

test('trap 39: an index that failed to be made concurrently, then dropped, or mended', async () => {
  await pair.app.query(`CREATE TABLE y (id int PRIMARY KEY, v text);
    INSERT INTO y VALUES (1, 'a'), (2, 'a'), (3, 'b')`);
  await assert.rejects(pair.app.query('CREATE UNIQUE INDEX CONCURRENTLY ON y (v)'), /y_v_idx/);
  await assert.rejects(
    pair.app.query('CREATE UNIQUE INDEX CONCURRENTLY y_twice ON y (v)'),
    /y_twice/,
  );
  await assert.rejects(
    pair.app.query('CREATE UNIQUE INDEX CONCURRENTLY y_gone ON y (v)'),
    /y_gone/,
  );
  // The name that PostgreSQL chooses depends on what was left behind.
  await travels('CREATE INDEX CONCURRENTLY ON y (v)', `INSERT INTO y VALUES (4, 'a')`);
  await travels(
    `COMMENT ON INDEX y_twice IS 'not yet'`,
    'ALTER INDEX y_twice RENAME TO y_once',
    'DROP INDEX y_gone',
    'DELETE FROM y WHERE id IN (2, 4)',
    'REINDEX INDEX CONCURRENTLY y_once',
    'ALTER INDEX y_once RENAME TO y_unique',
    'DROP INDEX CONCURRENTLY y_v_idx1',
    'DROP INDEX y_v_idx',
  );
  assert.deepEqual(await validIndexes('y'), ['y_pkey', 'y_unique']);
});

test('trap 39: dropping and detaching concurrently, ended halfway, then done', async () => {
  await pair.app.query(`CREATE TABLE z (id int, v text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
    CREATE TABLE z1 PARTITION OF z FOR VALUES FROM (0) TO (100);
    CREATE TABLE z2 PARTITION OF z FOR VALUES FROM (100) TO (200);
    CREATE UNIQUE INDEX z1_v ON z1 (v); INSERT INTO z VALUES (1, 'a'), (2, 'b'), (101, 'c')`);
  await whileReading('z', async () => {
    const ended = { code: '57014' };
    await pair.app.query(`SET statement_timeout = '1s'`);
    await whileCapturing(pair.source, () =>
      assert.rejects(pair.app.query('DROP INDEX CONCURRENTLY z1_v'), ended),
    );
    await assert.rejects(pair.app.query('ALTER TABLE z DETACH PARTITION z2 CONCURRENTLY'), ended);
    await pair.app.query('RESET statement_timeout');
  });
  await travels(
    `INSERT INTO z2 VALUES (102, 'd')`,
    'DROP INDEX z1_v',
    'ALTER TABLE z DETACH PARTITION z2 FINALIZE',
    `INSERT INTO z1 VALUES (3, 'b')`,
  );
});

test('trap 39: equal rows while their unique index is being dropped concurrently', async () => {
  await pair.app.query(`CREATE TABLE q (id int PRIMARY KEY, v text, w text);
    CREATE UNIQUE INDEX "q v" ON q (v); CREATE UNIQUE INDEX q_w ON q (w);
    INSERT INTO q VALUES (1, 'a', 'a'), (2, 'b', 'b')`);
  const [dropper, early, late] = await Promise.all(
    [1, 2, 3].map(() =>
      connectPg({ ...pair.source.target('app'), options: '-c synchronous_commit=local' }),
    ),
  );
  assert.ok(dropper !== undefined && early !== undefined && late !== undefined);
  const invalid = `SELECT FROM pg_index WHERE indexrelid = '"q v"'::regclass AND NOT indisvalid`;
  const dead = `${invalid} AND NOT indislive`;
  await whileCapturing(pair.source, async () => {
    await early.query('BEGIN; SELECT FROM q');
    const dropping = dropper.query('DROP /* soon */ INDEX CONCURRENTLY IF EXISTS public."q v"');
    await eventually(async () => (await pair.source.query(invalid)).length > 0);
    await assert.rejects(pair.app.query(`INSERT INTO q VALUES (3, 'a', 'c')`), { code: '23505' });
    // It is no longer enforced once nobody is left who began before, and not dropped before `late`.
    await late.query('BEGIN; SELECT FROM q');
    await early.query('COMMIT');
    await eventually(async () => (await pair.source.query(dead)).length > 0);
    await pair.app.query(`INSERT INTO q VALUES (4, 'x', 'd'); UPDATE q SET v = 'a'`);
    await pair.caughtUp();
    assert.deepEqual(await validIndexes('q'), ['q_pkey', 'q_w']);
    await late.query('COMMIT');
    await dropping;
  });
  await Promise.all([dropper, early, late].map((client) => client.end()));
  await travels(`INSERT INTO q VALUES (5, 'a', 'e')`);
});

test('trap 39: a unique index whose drop did not begin stays everywhere', async () => {
  await pair.app.query(`CREATE TABLE r (id int PRIMARY KEY, v text);
    CREATE UNIQUE INDEX r_v ON r (v); INSERT INTO r VALUES (1, 'a')`);
  const named = `SELECT FROM meridian.broken_index WHERE index_name = 'r_v'`;
  await whileCapturing(pair.source, async () => {
    const holder = await connectPg(pair.source.target('app'));
    await holder.query('BEGIN; LOCK TABLE r IN SHARE MODE');
    await pair.app.query(`SET lock_timeout = '1ms'`);
    const refused = { code: '55P03' };
    await assert.rejects(pair.app.query('DROP INDEX CONCURRENTLY r_v'), refused);
    await pair.app.query('RESET lock_timeout');
    await holder.end();
    await eventually(async () => (await pair.source.query(named)).length === 0);
  });
  await travels(`INSERT INTO r VALUES (2, 'b')`);
  assert.deepEqual(await validIndexes('r'), ['r_pkey', 'r_v']);
  await assert.rejects(pair.target.query(`INSERT INTO r VALUES (3, 'b')`), { code: '23505' });
});

test('trap 39: an index that was mended unseen is made by the next look', async () => {
  await pair.app.query(`CREATE TABLE w (id int PRIMARY KEY, v text);
    INSERT INTO w VALUES (1, 'a'), (2, 'a')`);
  await assert.rejects(pair.app.query('CREATE UNIQUE INDEX CONCURRENTLY w_v ON w (v)'), /w_v/);
  await pair.source.query('SELECT meridian.capture_mended()');
  await pair.app.query('DELETE FROM w WHERE id = 2');
  const target = {
    ...pair.source.target(),
    options: '-c event_triggers=off -c synchronous_commit=local',
  };
  await withPg(target, (client) => client.query('REINDEX INDEX w_v'));
  await pair.caughtUp();
  assert.deepEqual(await validIndexes('w'), ['w_pkey']);
  await pair.source.query('SELECT meridian.capture_mended()');
  await pair.caughtUp();
  assert.deepEqual(await validIndexes('w'), ['w_pkey', 'w_v']);
  await assertEqualRegions(pair.source, pair.target);
});

test('trap 39: an index that a region once left broken makes room for the new one', async () => {
  await pair.app.query('CREATE TABLE u (id int PRIMARY KEY, v text)');
  await pair.caughtUp();
  const target = {
    ...pair.target.target(),
    options: '-c event_triggers=off -c synchronous_commit=local',
  };
  await withPg(target, async (client) => {
    await client.query(`INSERT INTO u VALUES (1, 'a'), (2, 'a')`);
    await assert.rejects(client.query('CREATE UNIQUE INDEX CONCURRENTLY u_v ON u (v)'), /u_v/);
    await client.query('DELETE FROM u');
  });
  await travels('CREATE INDEX u_v ON u (v)');
  assert.deepEqual(await validIndexes('u'), ['u_pkey', 'u_v']);
});

test('the forms are at least 50, each of its own name', () => {
  const count = forms.reduce((sum, [, ...statements]) => sum + statements.length, 0);
  assert.ok(new Set(forms.map(([name]) => name)).size >= 50, `${forms.length} forms`);
  assert.ok(count >= 150, `${count} statements`);
});
