/** `pg.Pool` and the client's Pool side by side: rows, values, fields and errors are the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Pool as PgPool } from 'pg';
import { createDataClient, firstRow } from '../../../services/cli/demo/data-client.ts';
import { DatabaseError, Pool } from '../../../services/client/pool.ts';
import { eventually } from '../../helpers/eventually.ts';
import { RouterCluster } from '../../helpers/router.ts';

let cluster: RouterCluster;
let direct: PgPool;
let pool: Pool;

before(async () => {
  cluster = await RouterCluster.start({ regions: ['eu-west'], standbys: 1 });
  const target = cluster.target('eu-west', 1, 'app');
  direct = new PgPool({ ...target, options: '-c synchronous_commit=local' });
  const urls = [cluster.region('eu-west').origin];
  pool = new Pool({ urls, token: () => cluster.token(), durability: 'async' });
  await pool.query('CREATE TABLE public.t (id int PRIMARY KEY, at timestamptz, data bytea)');
});

after(async () => {
  await direct?.end();
  await cluster?.stop();
});

const values: [string, string, unknown[]?][] = [
  [
    'numbers',
    "SELECT 1 AS a, 2::int8 AS b, 1.10::numeric AS c, 0.5::float8 AS d, '-0'::float4 AS e",
  ],
  ['text', "SELECT 'x' AS a, 'y '::char(3) AS b, ''::text AS c, NULL AS d, true AS e"],
  ['times', "SELECT now() AS a, now()::timestamp AS b, now()::date AS c, '10:00'::time AS d"],
  ['far times', "SELECT '0044-03-15 BC'::date AS a, 'infinity'::timestamptz AS b"],
  ['documents', `SELECT '{"a": [1, "x", null]}'::jsonb AS a, '[1]'::json AS b`],
  ['bytes', "SELECT '\\x00ff'::bytea AS a, ARRAY['\\x01'::bytea] AS b"],
  [
    'arrays',
    "SELECT ARRAY[1, NULL] AS a, ARRAY[['a,b', 'c'], ['NULL', NULL]] AS b, '{}'::int[] AS c",
  ],
  [
    'more arrays',
    "SELECT ARRAY[1.5] AS a, ARRAY[2::int8] AS b, ARRAY[true] AS c, ARRAY['{}'::jsonb] AS d",
  ],
  ['others', "SELECT '(1,2)'::point AS a, '10.0.0.1'::inet AS b, int4range(1, 5) AS c"],
  ['parameters', 'SELECT $1::int AS a, $2::text AS b, $3::jsonb AS c', [1, 'two', { three: 3 }]],
  [
    'array parameters',
    'SELECT $1::int[] AS a, $2::text[] AS b',
    [
      [1, 2],
      ['a"b', null],
    ],
  ],
  [
    'bytes and dates',
    'SELECT $1::bytea AS a, $2::timestamptz AS b',
    [Buffer.from('ab'), new Date(5)],
  ],
  ['no rows', 'SELECT 1 AS a WHERE false'],
];

for (const [name, sql, params = []] of values) {
  test(name, async () => {
    await pool.query('SELECT 1');
    const frozen = sql.replaceAll('now()', "'2026-01-02 03:04:05.678901+00'::timestamptz");
    const [theirs, ours] = [await direct.query(frozen, params), await pool.query(frozen, params)];
    assert.deepEqual(ours.rows, theirs.rows);
    assert.equal(ours.rowCount, theirs.rowCount);
    assert.equal(ours.command, theirs.command);
    assert.deepEqual(
      ours.fields.map((field) => [field.name, field.dataTypeID]),
      theirs.fields.map((field) => [field.name, field.dataTypeID]),
    );
  });
}

test('intervals have the same parts', async () => {
  const sql = "SELECT '1 year 2 mons 3 days 04:05:06.789'::interval AS a";
  const [theirs, ours] = [await direct.query(sql), await pool.query(sql)];
  assert.deepEqual({ ...(ours.rows[0] as { a: object }).a }, { ...theirs.rows[0].a });
  const back = await pool.query('SELECT $1::interval::text AS a', [ours.rows[0]?.['a']]);
  assert.equal(back.rows[0]?.['a'], '1 year 2 mons 3 days 04:05:06.789');
});

test('rows as arrays, statements as objects, callbacks', async () => {
  const query = {
    text: 'SELECT $1::int AS a, 2 AS a',
    values: [1],
    rowMode: 'array' as const,
  };
  const theirs = await direct.query<unknown[]>(query);
  assert.deepEqual((await pool.query(query)).rows, theirs.rows);
  const result = await new Promise((resolve, reject) => {
    pool.query('SELECT $1::int AS a', [5], (error, answer) =>
      error === null ? resolve(answer?.rows) : reject(error),
    );
  });
  assert.deepEqual(result, [{ a: 5 }]);
});

test('errors carry what pg gives', async () => {
  await pool.query('INSERT INTO t (id) VALUES (1)');
  const sql = 'INSERT INTO t (id) VALUES (1)';
  const theirs = await direct.query(sql).catch((error: unknown) => error);
  const ours = await pool.query(sql).catch((error: unknown) => error);
  assert.ok(ours instanceof DatabaseError);
  const facts = ['code', 'message', 'detail', 'schema', 'table', 'constraint', 'severity'];
  for (const key of facts) {
    assert.equal(Reflect.get(ours, key), Reflect.get(theirs as object, key), key);
  }
});

test('a connected client is a session, and gives what it has seen back', async () => {
  const client = await pool.connect();
  const written = await client.query('INSERT INTO t (id) VALUES ($1) RETURNING id', [2]);
  assert.deepEqual(written.rows, [{ id: 2 }]);
  assert.match(written.served.durability ?? '', /^async/);
  const read = await client.query('SELECT id FROM t WHERE id = 2');
  assert.deepEqual(read.rows, [{ id: 2 }]);
  client.release();
  assert.throws(() => client.release());
  assert.equal(pool.session.position, client.session.position);
  await pool.end();
});

interface Connected {
  query(sql: string): Promise<{ readonly command: string; readonly rows: readonly unknown[] }>;
  release(): void;
}

/** What each statement of `story` gave, on one connected client. */
async function told(connect: () => Promise<Connected>, story: readonly string[]) {
  const client = await connect();
  const answers: unknown[] = [];
  for (const sql of story) {
    const answer = await client.query(sql).then(
      ({ command, rows }) => ({ command, rows }),
      (error: unknown) => ({ code: Reflect.get(error as object, 'code') as unknown }),
    );
    answers.push(answer);
  }
  client.release();
  return answers;
}

const stories: [string, readonly string[]][] = [
  [
    'committed',
    ['BEGIN', 'INSERT INTO t (id) VALUES (60)', 'SELECT id FROM t WHERE id = 60', 'COMMIT'],
  ],
  ['rolled back', ['BEGIN', 'DELETE FROM t', 'ROLLBACK', 'SELECT count(*) > 0 AS kept FROM t']],
  [
    'aborted: its COMMIT is a ROLLBACK',
    [
      'BEGIN',
      'INSERT INTO t (id) VALUES (61)',
      'SELECT 1 / 0',
      'SELECT 1',
      'COMMIT',
      'SELECT 2 AS a',
    ],
  ],
  [
    'brought back by a savepoint',
    ['BEGIN', 'SAVEPOINT s', 'SELECT 1 / 0', 'ROLLBACK TO SAVEPOINT s', 'SELECT 3 AS a', 'COMMIT'],
  ],
  [
    'with a level of its own',
    ['START TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'SHOW transaction_isolation', 'END'],
  ],
  ['read-only', ['BEGIN READ ONLY', 'DELETE FROM t', 'ROLLBACK']],
  [
    'a unique key at its end',
    ['BEGIN', 'INSERT INTO late VALUES (1), (1)', 'COMMIT', 'SELECT * FROM late'],
  ],
  [
    'twice begun, ended without one',
    ['COMMIT', 'ROLLBACK', 'BEGIN', 'BEGIN', 'SELECT 1 AS a', 'COMMIT'],
  ],
];

for (const [name, story] of stories) {
  test(`a transaction as pg has it: ${name}`, async () => {
    await pool.query(
      'CREATE TABLE IF NOT EXISTS late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)',
    );
    const ours = await told(() => pool.connect(), story);
    await pool.query('DELETE FROM t WHERE id >= 60');
    const theirs = await told(() => direct.connect(), story);
    assert.deepEqual(ours, theirs);
    await pool.query('DELETE FROM t WHERE id >= 60');
  });
}

test('two clients do not see each other; what they leave open is rolled back', async () => {
  const [one, two] = [await pool.connect(), await pool.connect()];
  await one.query('BEGIN');
  const [written, seen] = await Promise.all([
    one.query('INSERT INTO t (id) VALUES (70)'),
    one.query('SELECT id FROM t WHERE id = 70'),
  ]);
  assert.deepEqual([written.rowCount, seen.rows], [1, [{ id: 70 }]]);
  assert.deepEqual((await two.query('SELECT id FROM t WHERE id = 70')).rows, []);
  one.release();
  two.release();
  await eventually(async () => {
    const { rows } = await direct.query(
      `SELECT 1 FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'`,
    );
    return rows.length === 0;
  });
  assert.deepEqual((await pool.query('SELECT id FROM t WHERE id = 70')).rows, []);
});

test('a pool takes no BEGIN: its queries have no client in common', async () => {
  await assert.rejects(pool.query('BEGIN'), (error: DatabaseError) => {
    assert.match(error.hint ?? '', /transactions/);
    return true;
  });
});

test('the demo asks through the same client, once', async () => {
  const { origin } = cluster.region('eu-west');
  const client = createDataClient('eu-west', origin, await cluster.token());
  const headers = { 'meridian-durability': 'async' };
  const statements = [{ sql: 'INSERT INTO t (id) VALUES ($1)', params: [50] }];
  const written = await client.send({ path: '/v1/transaction', body: { statements }, headers });
  assert.ok(written.kind === 'answered' && written.token !== null);
  const read = await client.send({
    path: '/v1/query',
    body: { sql: 'SELECT id FROM t WHERE id = 50' },
    headers: { 'meridian-position': written.token, 'meridian-consistency': 'session' },
  });
  assert.ok(read.kind === 'answered');
  assert.deepEqual([firstRow(read.body), read.servedBy], [{ id: 50 }, 'eu-west']);
  const refused = await client.send({ path: '/v1/query', body: { sql: 'SELEKT' } });
  assert.equal(refused.kind === 'refused' && refused.code, 'StatementFailed');
  const nobody = createDataClient('x', 'http://127.0.0.1:1', 't');
  const silent = await nobody.send({ path: '/v1/query', body: { sql: 'SELECT 1' } });
  assert.equal(silent.kind, 'silent');
});
