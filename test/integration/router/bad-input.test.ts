// test: alone
/** Whatever is sent: a typed answer, no leak, and the process goes on. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { signAccessToken } from '../../../shared/auth/access-token.ts';
import { eventually } from '../../helpers/eventually.ts';
import { RouterCluster } from '../../helpers/router.ts';

let cluster: RouterCluster;

before(async () => {
  cluster = await RouterCluster.start({
    regions: ['eu-west'],
    router: {
      limits: { bodyBytesMax: 20_000, rowsMax: 100, parametersMax: 50, statementsMax: 20 },
      pools: { connectionsMax: 6, connectionsMaxPerRole: 5, queueTimeoutMs: 300, queueMax: 20 },
    },
  });
  await cluster.query('eu-west', 'CREATE TABLE public.t (id int PRIMARY KEY, v text)', async);
});

after(async () => {
  await cluster.stop();
});

const async = { durability: 'async' };
const json = (body: unknown) => ({ body });
const rows: [
  string,
  string,
  { body: unknown; headers?: Record<string, string> },
  string,
  number,
][] = [
  ['malformed JSON', '/v1/query', json('{"sql": '), 'RequestInvalid', 400],
  ['no body', '/v1/query', json(''), 'RequestInvalid', 400],
  ['an array', '/v1/query', json([]), 'RequestInvalid', 400],
  ['no SQL', '/v1/query', json({ params: [] }), 'RequestInvalid', 400],
  ['SQL that is no text', '/v1/query', json({ sql: 5 }), 'RequestInvalid', 400],
  ['a NUL in the SQL', '/v1/query', json({ sql: 'SELECT 1\0' }), 'RequestInvalid', 400],
  ['an unknown key', '/v1/query', json({ sql: 'SELECT 1', x: 1 }), 'RequestInvalid', 400],
  [
    'an unknown level',
    '/v1/query',
    json({ sql: 'SELECT 1', consistency: 'x' }),
    'RequestInvalid',
    400,
  ],
  [
    'an unknown level as header',
    '/v1/query',
    { ...json({ sql: 'SELECT 1' }), headers: { 'meridian-consistency': 'x' } },
    'RequestInvalid',
    400,
  ],
  [
    'a bounded read without a bound',
    '/v1/query',
    json({ sql: 'SELECT 1', consistency: 'bounded' }),
    'RequestInvalid',
    400,
  ],
  [
    'a negative deadline',
    '/v1/query',
    { ...json({ sql: 'SELECT 1' }), headers: { 'meridian-deadline-ms': '-1' } },
    'RequestInvalid',
    400,
  ],
  [
    'too many parameters',
    '/v1/query',
    json({ sql: 'SELECT 1', params: Array(51).fill(1) }),
    'RequestInvalid',
    400,
  ],
  [
    'too large a body',
    '/v1/query',
    json({ sql: `SELECT '${'x'.repeat(30_000)}'` }),
    'RequestInvalid',
    413,
  ],
  [
    'too many statements',
    '/v1/transaction',
    json({ statements: Array(21).fill({ sql: 'SELECT 1' }) }),
    'RequestInvalid',
    400,
  ],
  ['no statements', '/v1/transaction', json({ statements: [] }), 'RequestInvalid', 400],
  ['malformed SQL', '/v1/query', json({ sql: 'SELEKT 1' }), 'StatementFailed', 422],
  ['two statements', '/v1/query', json({ sql: 'SELECT 1; SELECT 2' }), 'RequestInvalid', 400],
  ['COMMIT', '/v1/query', json({ sql: 'COMMIT' }), 'RequestInvalid', 400],
  [
    'a missing parameter',
    '/v1/query',
    json({ sql: 'SELECT $1::int + $2::int', params: [1] }),
    'StatementFailed',
    422,
  ],
  [
    'a parameter of a wrong type',
    '/v1/query',
    json({ sql: 'SELECT $1::int', params: ['x'] }),
    'StatementFailed',
    422,
  ],
  [
    'a role that may not',
    '/v1/query',
    json({ sql: 'SELECT * FROM meridian.idempotency' }),
    'StatementFailed',
    422,
  ],
  ['another role', '/v1/query', json({ sql: 'SET ROLE meridian_owner' }), 'RequestInvalid', 400],
  [
    'a read that takes too long',
    '/v1/query',
    {
      ...json({ sql: 'SELECT count(*) FROM generate_series(1, 1e9)' }),
      headers: { 'meridian-deadline-ms': '300' },
    },
    'DeadlineExceeded',
    504,
  ],
  [
    'a write that takes too long',
    '/v1/query',
    { ...json({ sql: 'SELECT pg_sleep(5)' }), headers: { 'meridian-deadline-ms': '300' } },
    'DeadlineExceeded',
    504,
  ],
];

for (const [name, path, sent, code, status] of rows) {
  test(name, async () => {
    const answer = await cluster.post('eu-west', path, sent);
    assert.equal(answer.body['code'], code, answer.text);
    assert.equal(answer.status, status);
    assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/);
    assert.equal(answer.headers.get('meridian-position'), null);
    for (const key of ['type', 'title', 'detail', 'retry', 'requestId']) {
      assert.equal(typeof answer.body[key], 'string', key);
    }
  });
}

test('credentials', async () => {
  const sign = (change: Partial<Parameters<typeof signAccessToken>[0]>) =>
    signAccessToken({
      clusterId: cluster.cluster.clusterId,
      keys: cluster.secrets.shared.accessKeys,
      subject: 's',
      scopes: ['data:read'],
      role: 'app',
      ttlSeconds: 60,
      ...change,
    });
  const send = async (authorization: string, sql = 'SELECT 1') => {
    const answer = await cluster.query('eu-west', sql, { ...async, headers: { authorization } });
    return answer.body['code'] ?? answer.status;
  };
  assert.equal(await send('nonsense'), 'Unauthenticated');
  assert.equal(await send(`Bearer ${await sign({ ttlSeconds: -60 })}`), 'Unauthenticated');
  assert.equal(await send(`Bearer ${await sign({ clusterId: 'other' })}`), 'Unauthenticated');
  assert.equal(await send(`Bearer ${await sign({ scopes: ['admin:admin'] })}`), 'Forbidden');
  const reader = `Bearer ${await sign({})}`;
  assert.equal(await send(reader), 200);
  assert.equal(await send(reader, 'SELECT random()'), 200, 'volatile, but it only reads');
  assert.equal(await send(reader, 'DELETE FROM t'), 'Forbidden');
  assert.equal(await send(reader, "SELECT nextval('pg_catalog.x')"), 'StatementFailed');
  const stranger = `Bearer ${await sign({ role: 'meridian_owner', scopes: ['data:write'] })}`;
  assert.equal(await send(stranger), 'StatementFailed', 'a role that the router may not take');
});

test('claims are readable by row-level security', async () => {
  const answer = await cluster.query(
    'eu-west',
    "SELECT current_setting('meridian.claims')::json->>'sub' AS sub, current_user",
  );
  assert.deepEqual(answer.body['rows'], [{ sub: 'tester', current_user: 'app' }]);
});

test('more rows than the limit are cut off, and the reply says so', async () => {
  const sql = 'SELECT i FROM generate_series(1, 500) AS i';
  const read = await cluster.query('eu-west', sql);
  assert.equal(read.body['truncated'], true, read.text.slice(0, 200));
  assert.equal((read.body['rows'] as unknown[]).length, 100);
  const insert = 'INSERT INTO t SELECT i FROM generate_series(1000, 1499) AS i RETURNING id';
  const written = await cluster.query('eu-west', insert, async);
  assert.equal(written.body['rowCount'], 500);
  assert.equal((written.body['rows'] as unknown[]).length, 100);
});

test('a full pool queues, then refuses; nothing leaks', async () => {
  const slow = Array.from({ length: 40 }, () =>
    cluster.query('eu-west', 'SELECT pg_sleep(0.5)', async),
  );
  const codes = (await Promise.all(slow)).map(({ body, status }) => body['code'] ?? status);
  const refused = codes.filter((code) => code === 'RateLimited').length;
  assert.equal(codes.filter((code) => code === 200).length + refused, 40, codes.join());
  assert.ok(refused >= 20);
  await eventually(async () => {
    const [row] = await cluster.sql(
      'eu-west',
      `SELECT count(*) AS all, count(*) FILTER (WHERE state <> 'idle') AS busy
       FROM pg_stat_activity WHERE application_name = 'meridian-router'`,
    );
    return Number(row?.['all']) <= 6 && row?.['busy'] === '0';
  });
});

test('a session setting does not reach the next request', async () => {
  const headers = { ...async };
  for (let i = 0; i < 6; i += 1) {
    await cluster.query('eu-west', "SET statement_timeout = '7s'", headers);
    await cluster.query('eu-west', "SELECT set_config('search_path', 'nowhere', false)", headers);
  }
  for (let i = 0; i < 6; i += 1) {
    const answer = await cluster.query(
      'eu-west',
      'SELECT count(*) FROM t, (SELECT random()) r',
      headers,
    );
    assert.equal(answer.status, 200, answer.text);
  }
});

test('5,000 connections that say nothing, or half a request, change nothing', async () => {
  const { address } = cluster.region('eu-west');
  const sockets = Array.from({ length: 5000 }, (_, n) => {
    const socket = connect(7080, address).on('error', () => undefined);
    if (n % 2 === 0) socket.write('POST /v1/query HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n');
    return socket;
  });
  const answer = await cluster.query('eu-west', 'SELECT 1 AS one');
  assert.deepEqual(answer.body['rows'], [{ one: 1 }]);
  for (const socket of sockets) socket.destroy();
});

test('storms of requests leave nothing behind', async () => {
  const storm = async (): Promise<void> => {
    const sent = Array.from({ length: 300 }, (_, n) =>
      cluster.query('eu-west', n % 3 === 0 ? 'SELECT nonsense' : 'SELECT $1::int', { params: [n] }),
    );
    for (const { status } of await Promise.all(sent)) assert.ok([200, 422, 429].includes(status));
  };
  for (let n = 0; n < 3; n += 1) await storm();
  const before = process.memoryUsage().heapUsed;
  for (let n = 0; n < 5; n += 1) await storm();
  assert.ok(process.memoryUsage().heapUsed - before < 100e6);
  await eventually(async () => {
    const sql = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'meridian-router'
      AND state <> 'idle'`;
    return (await cluster.sql('eu-west', sql)).length === 0;
  });
});

test('the OpenAPI document describes the data API and nothing else', async () => {
  const reply = await fetch(`${cluster.region('eu-west').origin}/v1/openapi.json`);
  const document = (await reply.json()) as { openapi: string; paths: Record<string, unknown> };
  assert.equal(document.openapi, '3.1.0');
  assert.deepEqual(Object.keys(document.paths).toSorted(), [
    '/v1/idempotency/{key}',
    '/v1/query',
    '/v1/transaction',
    '/v1/transactions',
    '/v1/transactions/{id}/commit',
    '/v1/transactions/{id}/query',
    '/v1/transactions/{id}/rollback',
  ]);
});
