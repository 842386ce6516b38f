/** `pg.Pool` and the client's Pool side by side: rows, values, fields and errors are the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Pool as PgPool } from 'pg';
import { createDataClient, firstRow } from '../../../services/cli/demo/data-client.ts';
import { DatabaseError, Pool } from '../../../services/client/pool.ts';
import { RouterCluster } from '../../helpers/router.ts';

let cluster: RouterCluster;
let direct: PgPool;
let pool: Pool;

before(async () => {
  cluster = await RouterCluster.start({ regions: ['eu-west'], standbys: 1 });
  direct = new PgPool(cluster.target('eu-west', 1, 'app'));
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
