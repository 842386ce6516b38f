/** Interactive transactions: call by call, from both regions, within their bounds. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import {
  begin,
  call,
  cluster,
  codeOf,
  countOf,
  idleTimeoutMs,
  nothingOpen,
  query,
  useCluster,
} from '../../helpers/interactive.ts';

useCluster();

for (const region of ['eu-west', 'us-east']) {
  test(`begun, read, written and committed from ${region}`, async () => {
    const id = region === 'eu-west' ? 1 : 2;
    const path = await begin({ isolation: 'repeatable read' }, { region });
    const sent = { region };
    const empty = await call(`${path}/query`, { sql: 'SELECT count(*)::int AS n FROM t' }, sent);
    assert.equal(empty.status, 200, empty.text);
    const sql = 'INSERT INTO t VALUES ($1, $2) RETURNING v';
    const written = await call(`${path}/query`, { sql, params: [id, 'x'] }, sent);
    assert.deepEqual(written.body['rows'], [{ v: 'x' }]);
    assert.equal(written.headers.get('meridian-position'), null);
    assert.equal(written.headers.get('meridian-served-by'), 'eu-west/pg-1');
    assert.equal(await countOf(`id = ${id}`), '0');
    const done = await call(`${path}/commit`, {}, sent);
    assert.deepEqual([done.status, done.body], [200, { command: 'COMMIT' }]);
    assert.match(done.headers.get('meridian-durability') ?? '', /^async; regions=/);
    const token = done.headers.get('meridian-position') ?? '';
    const headers = { 'meridian-position': token };
    const seen = await cluster().query('eu-west', `SELECT v FROM t WHERE id = ${id}`, { headers });
    assert.deepEqual(seen.body['rows'], [{ v: 'x' }]);
    const again = await call(`${path}/commit`, {}, sent);
    assert.deepEqual([again.body, again.headers.get('meridian-position')], [done.body, token]);
    assert.equal(
      codeOf(await call(`${path}/query`, { sql: 'SELECT 1' }, sent)),
      'StatementFailed 25P01',
    );
  });
}

test('rolled back without a trace; again is the same', async () => {
  const path = await begin();
  await query(path, "INSERT INTO t VALUES (10, 'x')");
  for (const name of ['ended', 'ended again']) {
    const ended = await call(`${path}/rollback`);
    assert.deepEqual([ended.status, ended.body], [200, { command: 'ROLLBACK' }], name);
  }
  assert.equal(await countOf('id = 10'), '0');
  assert.equal(codeOf(await call(`${path}/commit`)), 'StatementFailed 25P01');
});

test('a failed statement aborts it as in PostgreSQL; a savepoint brings it back', async () => {
  const path = await begin();
  await query(path, "INSERT INTO t VALUES (20, 'x')");
  await query(path, 'SAVEPOINT a');
  assert.equal(codeOf(await query(path, 'SELECT 1 / 0')), 'StatementFailed 22012');
  assert.equal(codeOf(await query(path, 'SELECT 1')), 'StatementFailed 25P02');
  assert.equal((await query(path, 'ROLLBACK TO SAVEPOINT a')).status, 200);
  assert.equal((await call(`${path}/commit`)).status, 200);
  assert.equal(await countOf('id = 20'), '1');

  const lost = await begin();
  await query(lost, "INSERT INTO t VALUES (21, 'x')");
  assert.equal(codeOf(await query(lost, 'SELEKT')), 'StatementFailed 42601');
  assert.equal(codeOf(await call(`${lost}/commit`)), 'StatementFailed 25P02');
  assert.equal(await countOf('id = 21'), '0');
});

test('what would end it by SQL, or change who it is, is refused', async () => {
  const path = await begin();
  for (const sql of ['COMMIT', 'ROLLBACK', 'BEGIN', 'SET ROLE postgres', 'SELECT 1; SELECT 2']) {
    assert.equal(codeOf(await query(path, sql)), 'RequestInvalid', sql);
  }
  assert.equal((await query(path, "INSERT INTO t VALUES (30, 'x')")).status, 200);
  await call(`${path}/rollback`);
});

test('read-only by request, and for those who may only read', async () => {
  const path = await begin({ readOnly: true });
  assert.equal(
    codeOf(await query(path, "INSERT INTO t VALUES (40, 'x')")),
    'StatementFailed 25006',
  );
  await call(`${path}/rollback`);
  const headers = { authorization: `Bearer ${await cluster().token(['data:read'])}` };
  const reader = await begin({}, { headers });
  const sql = "INSERT INTO t VALUES (41, 'x')";
  const refused = await call(`${reader}/query`, { sql }, { headers });
  assert.equal(codeOf(refused), 'StatementFailed 25006');
  assert.equal((await call(`${reader}/rollback`, {}, { headers })).status, 200);
});

test('an idle one is rolled back, its locks are free, and its caller is told', async () => {
  const path = await begin();
  await query(path, "INSERT INTO t VALUES (50, 'x')");
  const startedMs = performance.now();
  const other = await cluster().query('eu-west', "INSERT INTO t VALUES (50, 'other')", {
    durability: 'async',
  });
  assert.equal(other.status, 200, other.text);
  assert.ok(performance.now() - startedMs < idleTimeoutMs + 2000);
  assert.equal(codeOf(await query(path, 'SELECT 1')), 'StatementFailed 25P03');
});

test('one that never rests is ended at its bound', async () => {
  const path = await begin();
  const last = await eventually(
    async () => {
      const answer = await query(path, 'SELECT pg_sleep(0.05)');
      return answer.status === 200 ? null : answer;
    },
    { deadlineMs: 10_000 },
  );
  assert.equal(codeOf(last), 'StatementFailed 25P04');
});

test('their number is bounded, for each caller and in all', async () => {
  const own = [await begin(), await begin(), await begin()];
  const refused = await call('');
  assert.equal(codeOf(refused), 'RateLimited');
  assert.match(refused.text, /of this caller/);
  const { clusterId } = cluster().cluster;
  assert.ok(clusterId);
  const headers = {
    authorization: `Bearer ${await cluster().token(['data:write'], 'meridian_owner')}`,
  };
  assert.notEqual((await call('', {}, { headers })).status, 500);
  for (const path of own) await call(`${path}/rollback`);
});

test('an id of somebody else, a forged one and an old one are refused at once', async () => {
  const path = await begin();
  const headers = { authorization: `Bearer ${await cluster().token(['data:write'], 'other')}` };
  const sql = 'SELECT 1';
  assert.equal(codeOf(await call(`${path}/query`, { sql }, { headers })), 'Forbidden');
  const startedMs = performance.now();
  for (const id of ['/x', '/a.b.c', `${path}x`, path.replace('.', 'A.')]) {
    assert.equal(codeOf(await query(id, sql)), 'RequestInvalid', id);
  }
  assert.ok(performance.now() - startedMs < idleTimeoutMs, 'none waits for a transaction');
  await call(`${path}/rollback`);
});

test('one call at a time', async () => {
  const path = await begin();
  const slow = query(path, 'SELECT pg_sleep(1.5)');
  const running = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1.5)'";
  await eventually(async () => (await cluster().sql('eu-west', running)).length > 0);
  assert.equal(codeOf(await query(path, 'SELECT 1')), 'OperationRunning');
  assert.equal((await slow).status, 200);
  await call(`${path}/rollback`);
});

for (const region of ['eu-west', 'us-east']) {
  test(`a caller in ${region} who leaves in the middle of a statement`, async () => {
    const path = await begin({}, { region });
    await call(`${path}/query`, { sql: "INSERT INTO t VALUES (60, 'x')" }, { region });
    const leaving = new AbortController();
    const token = await cluster().token();
    const sent = fetch(`${cluster().region(region).origin}/v1/transactions${path}/query`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ sql: 'SELECT pg_sleep(20)' }),
      signal: leaving.signal,
    }).catch(() => undefined);
    await eventually(async () => {
      const running = "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%'";
      return (await cluster().sql('eu-west', `${running} AND pid <> pg_backend_pid()`)).length > 0;
    });
    leaving.abort();
    await sent;
    await nothingOpen();
    assert.equal(await countOf('id = 60'), '0');
  });
}

test('a deadline in the middle of a statement ends it', async () => {
  const path = await begin();
  const headers = { 'meridian-deadline-ms': '150' };
  const late = await call(`${path}/query`, { sql: 'SELECT pg_sleep(20)' }, { headers });
  assert.equal(codeOf(late), 'DeadlineExceeded');
  await nothingOpen();
  assert.equal(codeOf(await query(path, 'SELECT 1')), 'StatementFailed 25P01');
});
