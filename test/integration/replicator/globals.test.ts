/**
 * What no event trigger sees (roles, memberships, settings, grants on the database) is carried in
 * order with the data, to a server where it then is the same; a change made there is drift.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startPair, type ReplicatedPair } from '../../helpers/replication/pair.ts';

let pair: ReplicatedPair;

before(async () => {
  pair = await startPair();
});

after(() => pair.stop());

/** Runs statements as superuser, looks as the primary does every second, and compares. */
async function travels(...statements: readonly string[]): Promise<void> {
  for (const statement of statements) await pair.source.query(statement);
  await pair.source.query('SELECT meridian.capture_globals()');
  await sameEverywhere();
}

async function sameEverywhere(): Promise<void> {
  await pair.caughtUp();
  const now = 'SELECT kind, name, definition FROM meridian.global_now ORDER BY 1, 2';
  assert.deepEqual(await pair.target.query(now), await pair.source.query(now));
  assert.deepEqual(await driftOf(), []);
}

async function driftOf(): Promise<string[]> {
  const rows = await pair.target.query(`SELECT kind || ' ' || name AS drift FROM
    meridian.global_changes()`);
  return rows.map(({ drift }) => drift ?? '');
}

test('the first look makes the roles and settings of a region those of the primary', () =>
  travels());

test('trap 41: roles with attributes and verifiers, made, changed, renamed, dropped', async () => {
  await travels(
    `CREATE ROLE r1 LOGIN PASSWORD 'secret-1' CONNECTION LIMIT 5 VALID UNTIL '2031-02-03 04:05+06'`,
    'CREATE ROLE "Odd ""one" NOLOGIN CREATEROLE CREATEDB NOINHERIT BYPASSRLS',
    `COMMENT ON ROLE r1 IS 'it''s one'`,
  );
  await travels(`ALTER ROLE r1 PASSWORD 'secret-2' NOLOGIN VALID UNTIL 'infinity' SUPERUSER`);
  await travels('ALTER ROLE r1 PASSWORD NULL NOSUPERUSER LOGIN');
  await travels('CREATE SCHEMA kept AUTHORIZATION r1', 'ALTER ROLE r1 RENAME TO r2');
  await assertEqualRegions(pair.source, pair.target);
  await travels('DROP ROLE "Odd ""one"', 'DROP SCHEMA kept', 'DROP ROLE r2');
});

test('memberships with their options and grantors', async () => {
  await travels(
    'CREATE ROLE team; CREATE ROLE boss LOGIN; CREATE ROLE worker LOGIN',
    'GRANT team TO boss WITH ADMIN TRUE, INHERIT FALSE, SET TRUE',
    'SET ROLE boss; GRANT team TO worker WITH INHERIT TRUE, SET FALSE; RESET ROLE',
    'GRANT pg_read_all_data TO worker; GRANT worker TO meridian_router WITH INHERIT FALSE',
  );
  await travels('GRANT team TO worker WITH SET TRUE GRANTED BY boss');
  await travels('REVOKE team FROM boss CASCADE', 'REVOKE pg_read_all_data FROM worker');
  await travels('DROP ROLE boss');
});

test('settings of roles and of the database', async () => {
  await travels(
    `ALTER ROLE app SET search_path = app_schema, "Odd Schema", public`,
    `ALTER ROLE app IN DATABASE app SET work_mem = '8MB'`,
    `ALTER DATABASE app SET statement_timeout = '7s'; ALTER ROLE ALL SET application_name = 'a''b'`,
    `ALTER ROLE worker SET meridian_app.custom = 'x = y'; ALTER ROLE worker SET search_path = ''`,
  );
  await travels('ALTER ROLE app RESET ALL', 'ALTER ROLE worker RESET search_path');
  await travels('ALTER ROLE app IN DATABASE app RESET ALL; ALTER DATABASE app RESET ALL');
  await travels('ALTER ROLE ALL RESET ALL');
});

test('grants on the database and on parameters, owner, comment', async () => {
  await travels(
    'GRANT CREATE, TEMPORARY ON DATABASE app TO worker WITH GRANT OPTION',
    'REVOKE TEMPORARY ON DATABASE app FROM PUBLIC',
    'GRANT SET ON PARAMETER log_statement TO worker',
    `COMMENT ON DATABASE app IS 'the one'`,
  );
  await travels('REVOKE GRANT OPTION FOR CREATE ON DATABASE app FROM worker');
  await travels(
    'ALTER DATABASE app OWNER TO app',
    'REVOKE SET ON PARAMETER log_statement FROM worker',
  );
});

test('trap 41: a role made, granted and used at once comes before what needs it', async () => {
  await pair.source.query(
    `BEGIN; CREATE ROLE tenant LOGIN PASSWORD 'x'; GRANT app TO tenant;
     GRANT CREATE ON SCHEMA public TO tenant; COMMIT`,
  );
  await pair.source.query(`SET ROLE tenant; CREATE TABLE of_tenant (id int PRIMARY KEY)`);
  await pair.app.query(
    'CREATE TABLE of_app (id int PRIMARY KEY); GRANT SELECT ON of_app TO tenant',
  );
  await pair.caughtUp();
  await assertEqualRegions(pair.source, pair.target);
  await travels();
  await pair.source.query('SET ROLE tenant; ALTER TABLE of_tenant OWNER TO app');
  await travels('ALTER TABLE of_tenant OWNER TO tenant');
  await travels('REASSIGN OWNED BY tenant TO app; DROP OWNED BY tenant; DROP ROLE tenant');
  await assertEqualRegions(pair.source, pair.target);
});

test('what is changed by hand in a region is drift there until it is as before', async () => {
  await pair.target.query(`ALTER ROLE worker CREATEDB; CREATE ROLE stranger`);
  assert.deepEqual(await driftOf(), ['role stranger', 'role worker']);
  await pair.target.query('DROP ROLE stranger; ALTER ROLE worker NOCREATEDB');
  await sameEverywhere();
});
