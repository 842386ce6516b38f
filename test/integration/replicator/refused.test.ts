/**
 * What cannot be carried to another region is refused where it is asked for, with the way to do it
 * instead; where only a superuser could do it all the same, the regions' difference is named.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { PgClient } from '../../../shared/pg/client.ts';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startPair, type ReplicatedPair } from '../../helpers/replication/pair.ts';

let pair: ReplicatedPair;
/** Functions of the large-object interface, as drivers call them: by number, looked up by name. */
let numbers: ReadonlyMap<string, number>;

before(async () => {
  pair = await startPair();
  await pair.app.query('CREATE TABLE kept (id int PRIMARY KEY, v text)');
  const rows = await pair.source.query(
    `SELECT proname || '/' || pronargs AS name, oid::int FROM pg_catalog.pg_proc
     WHERE pronamespace = 'pg_catalog'::regnamespace`,
  );
  numbers = new Map(rows.map(({ name, oid }) => [name ?? '', Number(oid)]));
});

after(() => pair.stop());

const makers = [
  'SELECT lo_create(0)',
  'SELECT lo_creat(-1)',
  `SELECT lo_from_bytea(0, 'abc')`,
  `SELECT lo_put(1, 0, 'abc')`,
  `SELECT lowrite(lo_open(1, 131072), 'abc')`,
  'SELECT lo_truncate(lo_open(1, 131072), 1)',
  'SELECT lo_truncate64(lo_open(1, 131072), 1)',
  `SELECT lo_import('/etc/hostname')`,
  `SELECT lo_import('/etc/hostname', 77)`,
];

interface Refusal {
  readonly code?: string;
  readonly hint?: string;
  readonly message: string;
}

async function refusalOf(run: Promise<unknown>): Promise<Refusal> {
  return run.then(
    () => assert.fail('it was not refused'),
    (error: unknown) => error as Refusal,
  );
}

test('trap 47: large objects are neither made nor written, by nobody, under no name', async () => {
  const asOwner = (text: string): Promise<unknown> => pair.source.query(text);
  const asApp = (text: string): Promise<unknown> => pair.app.query(text);
  for (const run of [asApp, asOwner]) {
    for (const text of makers.filter((maker) => !maker.includes('lo_open'))) {
      const { code, hint, message } = await refusalOf(run(text));
      assert.deepEqual([code, message], ['0A000', 'large objects are not replicated'], text);
      assert.match(hint ?? '', /bytea/);
    }
  }
  // What stands below is refused before its arguments are looked at, but not before lo_open runs.
  for (const text of makers.filter((maker) => maker.includes('lo_open'))) {
    assert.equal((await refusalOf(pair.app.query(text))).code, '42704', text);
  }
});

test('trap 47: the built-in functions are closed under their new names and by number', async () => {
  const { code } = await refusalOf(pair.app.query('SELECT meridian_lo_create(0)'));
  assert.equal(code, '42501');
  // lo_create is number 715, lo_creat 957 in every PostgreSQL.
  for (const built of [715, 957]) {
    const { rows } = await pair.app.query<{ may: string }>(
      `SELECT has_function_privilege(${built}::oid, 'EXECUTE') AS may`,
    );
    assert.deepEqual(rows, [{ may: 'f' }]);
  }
  assert.notEqual(numbers.get('lo_create/1'), 715);
  assert.notEqual(numbers.get('lo_creat/1'), 957);
});

test('trap 47: a large object of a superuser is drift until it is gone', async () => {
  const look = async (): Promise<string[]> => {
    await pair.source.query('SELECT meridian.capture_globals()');
    await pair.caughtUp();
    const rows = await pair.target.query('SELECT kind FROM meridian.global_changes()');
    return rows.map(({ kind }) => kind ?? '');
  };
  assert.deepEqual(await look(), []);
  const [made] = await pair.source.query(`SELECT meridian_lo_from_bytea(0, 'abc')::text AS id`);
  assert.deepEqual(await look(), ['large objects']);
  await pair.source.query(`SELECT lo_unlink(${made?.['id'] ?? ''})`);
  assert.deepEqual(await look(), []);
});

const unlogged: readonly (readonly [string, string])[] = [
  ['made', 'CREATE UNLOGGED TABLE refused (id int PRIMARY KEY)'],
  ['of a query', 'CREATE UNLOGGED TABLE refused AS SELECT 1 AS id'],
  ['changed', 'ALTER TABLE kept SET UNLOGGED'],
  ['partition', 'CREATE UNLOGGED TABLE refused_1 PARTITION OF parted DEFAULT'],
  ['sequence', 'CREATE UNLOGGED SEQUENCE refused'],
  ['in a function', `DO $$ BEGIN EXECUTE 'CREATE UNLOGGED TABLE refused (id int)'; END $$`],
];

test('trap 47: unlogged tables are refused, however they are made', async () => {
  await pair.app.query('CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id)');
  for (const [name, text] of unlogged) {
    const { code, hint, message } = await refusalOf(pair.app.query(text));
    assert.equal(code, '0A000', name);
    assert.match(message, /unlogged tables are not replicated/, name);
    assert.match(hint ?? '', /LOGGED, or temporary/, name);
  }
  await pair.caughtUp();
  await assertEqualRegions(pair.source, pair.target);
});

const onCatalogs = [
  'LOCK TABLE pg_catalog.pg_class',
  'LOCK TABLE pg_catalog.pg_class IN ACCESS EXCLUSIVE MODE',
  'LOCK TABLE pg_catalog.pg_attribute IN EXCLUSIVE MODE',
  'CLUSTER pg_catalog.pg_class USING pg_class_oid_index',
  'REINDEX TABLE pg_catalog.pg_class',
];

test('trap 18: an application cannot lock catalogs away from decoding', async () => {
  for (const text of onCatalogs) {
    await pair.app.query('BEGIN');
    const { code } = await refusalOf(pair.app.query(text));
    assert.equal(code, '42501', text);
    await pair.app.query('ROLLBACK');
  }
  // VACUUM leaves out what it may not touch, with a warning.
  const before = await fileOf(pair.app);
  await pair.app.query('VACUUM FULL pg_catalog.pg_class');
  assert.equal(await fileOf(pair.app), before);
  // The lock of every reader is no harm: decoding goes on beside it.
  await pair.app.query('BEGIN; LOCK TABLE pg_catalog.pg_class IN ACCESS SHARE MODE');
  await pair.caughtUp();
  await pair.app.query('COMMIT');
});

async function fileOf(client: PgClient): Promise<string> {
  const { rows } = await client.query<{ file: string }>(
    `SELECT pg_relation_filenode('pg_catalog.pg_class')::text AS file`,
  );
  return rows[0]?.file ?? '';
}

test('trap 49: another encoding, locale, extension or collation version is drift', async () => {
  await pair.app.query('CREATE TABLE words (v text PRIMARY KEY)');
  await pair.source.query('CREATE EXTENSION hstore');
  await pair.source.query('SELECT meridian.capture_globals()');
  await pair.caughtUp();
  const drift = async (): Promise<string[]> => {
    const rows = await pair.target.query(
      `SELECT rtrim(kind || ' ' || name) AS one FROM meridian.global_changes() ORDER BY 1`,
    );
    return rows.map(({ one }) => one ?? '');
  };
  assert.deepEqual(await drift(), []);
  const [version] = await pair.target.query(
    `SELECT min(version) AS old FROM pg_available_extension_versions
     WHERE name = 'hstore' AND NOT installed`,
  );
  // As a replica: what is done by hand there is not captured.
  const remake = `SET session_replication_role = replica;
    DROP EXTENSION hstore; CREATE EXTENSION hstore`;
  await pair.target.query(`${remake} VERSION '${version?.['old'] ?? ''}'`);
  const database = 'WHERE datname = current_database()';
  await pair.target.query(`UPDATE pg_database SET datlocale = 'C' ${database}`);
  assert.deepEqual(await drift(), ['extension hstore', 'server']);
  await pair.target.query(`UPDATE pg_database SET datlocale = 'C.UTF-8' ${database}`);
  await pair.target.query(remake);
  assert.deepEqual(await drift(), []);
});
