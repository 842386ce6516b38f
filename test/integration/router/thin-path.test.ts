/** Writes, tokens and reads through the routers of two regions over real PostgreSQL. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodePositionToken } from '../../../shared/core/position-token.ts';
import { createTokenSigner } from '../../../shared/runtime/token-signer.ts';
import { MeridianClient, MeridianClientError, sql } from '../../../services/client/client.ts';
import { median } from '../../helpers/bench/figure.ts';
import { eventually } from '../../helpers/eventually.ts';
import { RouterCluster, type Answer } from '../../helpers/router.ts';

let cluster: RouterCluster;

before(async () => {
  cluster = await RouterCluster.start({ regions: ['eu-west', 'us-east'], standbys: 1 });
});

after(async () => {
  await cluster.stop();
});

const asynchronous = { durability: 'async' };

function positionOf(answer: Answer) {
  const header = answer.headers.get('meridian-position') ?? '';
  const text = createTokenSigner(cluster.secrets.shared.positionKeys).verify(header);
  const token = text === null ? null : decodePositionToken(text);
  assert.ok(token, 'the reply carries a signed position');
  return token.position;
}

test('a write on the primary, read back with its token', async () => {
  const made = await cluster.query(
    'eu-west',
    'CREATE TABLE public.t (id int PRIMARY KEY, v text)',
    {
      ...asynchronous,
    },
  );
  assert.equal(made.status, 200, made.text);
  const written = await cluster.query('eu-west', 'INSERT INTO t VALUES ($1, $2) RETURNING *', {
    params: [1, 'one'],
    ...asynchronous,
  });
  assert.equal(written.status, 200, written.text);
  assert.deepEqual(written.body['rows'], [{ id: 1, v: 'one' }]);
  assert.equal(written.headers.get('meridian-served-by'), 'eu-west/pg-1');
  assert.match(written.headers.get('meridian-durability') ?? '', /^async; regions=2\/2$/);
  const token = written.headers.get('meridian-position') ?? '';
  await eventually(async () => {
    const read = await cluster.query('eu-west', 'SELECT v FROM t WHERE id = 1', {
      headers: { 'meridian-position': token },
    });
    assert.equal(read.status, 200, read.text);
    assert.deepEqual(read.body['rows'], [{ v: 'one' }], 'by the primary, or a caught-up standby');
    return read.headers.get('meridian-served-by') === 'eu-west/pg-2';
  });
});

test('trap 56: a read by token goes on to the primary from a region that is late', async () => {
  await cluster.sql('us-east', 'CREATE TABLE IF NOT EXISTS public.t (id int PRIMARY KEY, v text)');
  await cluster.sql('us-east', 'ALTER TABLE t OWNER TO app');
  const written = await cluster.query('us-east', "INSERT INTO t VALUES (2, 'two')", asynchronous);
  assert.equal(written.status, 200, written.text);
  assert.equal(written.headers.get('meridian-region'), 'eu-west');
  const token = written.headers.get('meridian-position') ?? '';
  // The region stays behind for as long as this takes: a read that waited for it would time out.
  const startedMs = performance.now();
  for (let n = 0; n < 5; n += 1) {
    const early = await cluster.query('us-east', 'SELECT v FROM t WHERE id = 2', {
      headers: { 'meridian-position': token },
    });
    assert.deepEqual(early.body['rows'], [{ v: 'two' }], 'served by the primary region');
    assert.equal(early.headers.get('meridian-region'), 'eu-west');
  }
  assert.ok(performance.now() - startedMs < 5 * 2000, 'each waited a moment, then went elsewhere');
  await cluster.apply('us-east', positionOf(written), "INSERT INTO t VALUES (2, 'two')");
  const late = await cluster.query('us-east', 'SELECT v FROM t WHERE id = 2', {
    headers: { 'meridian-position': token },
  });
  assert.deepEqual(late.body['rows'], [{ v: 'two' }]);
  assert.equal(late.headers.get('meridian-served-by'), 'us-east/pg-1');
});

test('a statement that fails leaves nothing behind and says why', async () => {
  const failed = await cluster.query('eu-west', "INSERT INTO t VALUES (1, 'again')", asynchronous);
  assert.equal(failed.status, 422, failed.text);
  assert.equal(failed.body['code'], 'StatementFailed');
  assert.equal(failed.body['sqlstate'], '23505');
  assert.equal(failed.headers.get('meridian-position'), null);
});

test('a transaction is all or nothing', async () => {
  const statements = [
    { sql: "INSERT INTO t VALUES (10, 'ten')" },
    { sql: "UPDATE t SET v = 'x' WHERE id = 99", expectRows: 1 },
  ];
  const refused = await cluster.post('eu-west', '/v1/transaction', {
    body: { statements, durability: 'async' },
  });
  assert.equal(refused.status, 422, refused.text);
  const read = await cluster.query('eu-west', 'SELECT count(*) AS n FROM t WHERE id = 10', {
    consistency: 'strong',
  });
  assert.deepEqual(read.body['rows'], [{ n: 0 }]);
});

test('what cannot run in a transaction runs alone', async () => {
  for (const sql of ['VACUUM t', 'CREATE INDEX CONCURRENTLY t_v ON t (v)']) {
    const answer = await cluster.query('us-east', sql, asynchronous);
    assert.equal(answer.status, 200, answer.text);
  }
});

test('a waiting COMMIT is unknown at the deadline, never failed', async () => {
  const unknown = await cluster.query('eu-west', "INSERT INTO t VALUES (20, 'waits')", {
    durability: 'semi-sync',
    headers: { 'meridian-deadline-ms': '500' },
  });
  assert.equal(unknown.status, 504, unknown.text);
  assert.equal(unknown.body['code'], 'CommitOutcomeUnknown');
});

test('later statements refer to earlier results', async () => {
  const answer = await cluster.post('us-east', '/v1/transaction', {
    body: {
      statements: [
        { sql: "INSERT INTO t VALUES (11, 'eleven') RETURNING id" },
        { sql: 'SELECT 1' },
        {
          sql: "INSERT INTO t VALUES ($1::int + 1, 'next') RETURNING id",
          params: [{ $result: { statement: 0, row: 0, column: 'id' } }],
        },
      ],
      durability: 'async',
    },
  });
  assert.equal(answer.status, 200, answer.text);
  const results = answer.body['results'] as { rows: unknown[] }[];
  assert.deepEqual(results.map(({ rows }) => rows).at(-1), [{ id: 12 }]);
  const statements = [
    { sql: "INSERT INTO t VALUES (13, 'x')" },
    { sql: 'SELECT $1', params: [{ $result: { statement: 0, row: 0, column: 'id' } }] },
  ];
  const refused = await cluster.post('eu-west', '/v1/transaction', { body: { statements } });
  assert.equal(refused.body['code'], 'RequestInvalid', refused.text);
});

test('the outcome under a key can be asked for', async () => {
  const ask = async (key: string) => {
    const reply = await fetch(`${cluster.region('us-east').origin}/v1/idempotency/${key}`, {
      headers: {
        authorization: `Bearer ${await cluster.token()}`,
        'meridian-durability': 'async',
      },
    });
    return (await reply.json()) as Record<string, unknown>;
  };
  assert.deepEqual(await ask('k-ask'), { outcome: 'none', results: [] });
  const sql = "INSERT INTO t VALUES (50, 'asked') RETURNING id";
  const headers = { 'idempotency-key': 'k-ask' };
  await cluster.query('us-east', sql, { ...asynchronous, headers });
  const { outcome, results } = await ask('k-ask');
  assert.equal(outcome, 'done');
  assert.deepEqual((results as { rows: unknown }[])[0]?.rows, [{ id: 50 }]);
});

test('an idempotency key runs once and answers alike', async () => {
  const options = { ...asynchronous, headers: { 'idempotency-key': 'k-1' } };
  const first = await cluster.query(
    'us-east',
    "INSERT INTO t VALUES (30, 'once') RETURNING id",
    options,
  );
  const second = await cluster.query(
    'eu-west',
    "INSERT INTO t VALUES (30, 'once') RETURNING id",
    options,
  );
  assert.equal(first.status, 200, first.text);
  assert.equal(second.status, 200, second.text);
  assert.deepEqual(second.body, first.body);
  const other = await cluster.query('eu-west', 'SELECT 1 FROM t FOR UPDATE', options);
  assert.equal(other.body['code'], 'RequestInvalid', other.text);
});

test('forged and malformed tokens are refused at once', async () => {
  const tookMs: number[] = [];
  for (let n = 0; n < 40; n += 1) {
    const startedMs = performance.now();
    const refused = await cluster.query('us-east', 'SELECT 1', {
      headers: { 'meridian-position': n % 2 === 0 ? 'nonsense' : 'a.b.c' },
    });
    assert.equal(refused.body['code'], 'TokenInvalid', refused.text);
    tookMs.push(performance.now() - startedMs);
  }
  assert.ok(median(tookMs) < 20, `${median(tookMs).toFixed(1)} ms`);
});

test('the client keeps its session across regions', async () => {
  const urls = ['us-east', 'eu-west'].map((id) => cluster.region(id).origin);
  const client = new MeridianClient({ urls, token: () => cluster.token(), durability: 'async' });
  const written = await client.query(sql`INSERT INTO t VALUES (${40}, ${"o'neil"}) RETURNING v`);
  assert.deepEqual(written.rows, [{ v: "o'neil" }]);
  assert.equal(written.served.region, 'eu-west');
  assert.deepEqual(await client.sql`SELECT v FROM t WHERE id = ${40}`, [{ v: "o'neil" }]);
  const { results } = await client.transaction([sql`SELECT 1 AS one`, { sql: 'SELECT 2 AS two' }]);
  assert.deepEqual(
    results.map(({ rows }) => rows),
    [[{ one: 1 }], [{ two: 2 }]],
  );
  await assert.rejects(client.query('SELECT nonsense'), (error) => {
    assert.ok(error instanceof MeridianClientError);
    assert.equal(error.sqlstate, '42703');
    return true;
  });
});

test('a forwarded transaction may do whatever a local one may', async () => {
  const inserts = Array.from({ length: 300 }, (_, n) => ({
    sql: 'INSERT INTO made VALUES ($1)',
    params: [n],
  }));
  const answer = await cluster.post('us-east', '/v1/transaction', {
    body: {
      statements: [
        { sql: 'CREATE TABLE public.made (id int PRIMARY KEY)' },
        ...inserts,
        { sql: 'SAVEPOINT a' },
        { sql: 'DELETE FROM made' },
        { sql: 'ROLLBACK TO SAVEPOINT a' },
        {
          sql: `CREATE FUNCTION add(i int) RETURNS int LANGUAGE sql
            AS 'INSERT INTO made VALUES (i) RETURNING id'`,
        },
        { sql: 'SELECT add(1000)' },
        { sql: 'SELECT count(*) AS n FROM made', expectRows: 1 },
      ],
      isolation: 'repeatable read',
      ...asynchronous,
    },
  });
  assert.equal(answer.status, 200, answer.text);
  const results = answer.body['results'] as { rows: unknown[] }[];
  assert.deepEqual(results.at(-1)?.rows, [{ n: 301 }]);
});

test('row-level security decides by the claims of the token', async () => {
  for (const sql of [
    'CREATE TABLE public.secret (owner text, v text)',
    'ALTER TABLE secret ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE secret FORCE ROW LEVEL SECURITY',
    `CREATE POLICY own ON secret USING
       (owner = current_setting('meridian.claims', true)::json->>'sub')`,
  ]) {
    assert.equal((await cluster.query('eu-west', sql, asynchronous)).status, 200, sql);
  }
  const other = await cluster.query(
    'eu-west',
    "INSERT INTO secret VALUES ('x', '1')",
    asynchronous,
  );
  assert.equal(other.body['sqlstate'], '42501', other.text);
  await cluster.query('us-east', "INSERT INTO secret VALUES ('tester', '2')", asynchronous);
  await cluster.sql('eu-west', "INSERT INTO secret VALUES ('x', '3')");
  for (let n = 0; n < 5; n += 1) {
    const read = await cluster.query('eu-west', 'SELECT v FROM secret', { consistency: 'strong' });
    assert.deepEqual(read.body['rows'], [{ v: '2' }], read.text);
  }
});

test('a kept plan that is out of date does no harm', async () => {
  await cluster.query('eu-west', 'CREATE TABLE public.p (id int)', asynchronous);
  const read = async (params: unknown[] = [1]) => {
    const options = { params, consistency: 'strong' };
    return cluster.query('eu-west', 'SELECT * FROM p WHERE id = $1', options);
  };
  for (let n = 0; n < 8; n += 1) assert.equal((await read()).status, 200);
  assert.equal((await read(['x'])).body['sqlstate'], '22P02');
  const alter = 'ALTER TABLE p ADD COLUMN v text, ALTER COLUMN id TYPE bigint';
  assert.equal((await cluster.query('eu-west', alter, asynchronous)).status, 200);
  await cluster.query('eu-west', "INSERT INTO p VALUES (5000000000, 'far')", asynchronous);
  const found = await read(['5000000000']);
  assert.deepEqual(found.body['rows'], [{ id: 5_000_000_000, v: 'far' }], found.text);
});

test('positions of replies never go back, and are signed', async () => {
  const written = await cluster.query('eu-west', "INSERT INTO t VALUES (950, 'p')", asynchronous);
  const token = written.headers.get('meridian-position') ?? '';
  const read = await cluster.query('us-east', 'SELECT 1', {
    consistency: 'eventual',
    headers: { 'meridian-position': token },
  });
  assert.equal(read.headers.get('meridian-served-by'), 'us-east/pg-1');
  assert.equal(read.headers.get('meridian-position'), token, 'the later of sent and seen');
});
