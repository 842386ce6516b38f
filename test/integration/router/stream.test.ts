/** Large results as NDJSON: complete, from any region, with back-pressure, and ended cleanly. */
import assert from 'node:assert/strict';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { after, before, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { RouterCluster } from '../../helpers/router.ts';

let cluster: RouterCluster;

before(async () => {
  cluster = await RouterCluster.start({
    regions: ['eu-west', 'us-east'],
    router: { limits: { replyBytesMax: 100_000, replyMsMax: 1000 } },
  });
});

after(async () => {
  await cluster.stop();
});

const rows = 25_000;
const numbers = `SELECT i AS id, repeat('x', 100) AS v FROM generate_series(1, ${rows}) AS i`;

async function stream(region: string, sql: string, level: string): Promise<Response> {
  return fetch(`${cluster.region(region).origin}/v1/query`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await cluster.token()}`,
      'content-type': 'application/json',
      accept: 'application/x-ndjson',
      'meridian-consistency': level,
    },
    body: JSON.stringify({ sql }),
  });
}

async function busyConnections(): Promise<number> {
  const found = await cluster.sql(
    'eu-west',
    `SELECT 1 FROM pg_stat_activity WHERE application_name = 'meridian-router'
       AND state <> 'idle'`,
  );
  return found.length;
}

for (const [name, region, level] of [
  ['from a replica', 'us-east', 'eventual'],
  ['on the primary', 'eu-west', 'strong'],
  ['forwarded', 'us-east', 'strong'],
] as const) {
  test(`every row arrives ${name}`, async () => {
    const reply = await stream(region, numbers, level);
    assert.equal(reply.status, 200);
    assert.match(reply.headers.get('content-type') ?? '', /x-ndjson/);
    assert.ok(reply.headers.get('meridian-position'));
    const lines = (await reply.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as never);
    assert.equal(lines.length, rows + 2);
    assert.deepEqual(lines.at(-1), { rowCount: rows });
    assert.deepEqual(lines[rows], { id: rows, v: 'x'.repeat(100) });
    await eventually(async () => (await busyConnections()) === 0);
  });
}

test('an error in the middle is the last line', async () => {
  const sql = 'SELECT 1 / (3000 - i) AS v FROM generate_series(1, 5000) AS i';
  for (const region of ['eu-west', 'us-east']) {
    const text = await (await stream(region, sql, 'strong')).text();
    const last = JSON.parse(text.trimEnd().split('\n').at(-1) ?? '') as {
      error: Record<string, unknown>;
    };
    assert.equal(last.error['code'], 'StatementFailed', text.slice(-300));
    assert.equal(last.error['sqlstate'], '22012');
  }
});

test('an error before the first row is a problem document', async () => {
  for (const region of ['eu-west', 'us-east']) {
    const reply = await stream(region, 'SELECT nonsense', 'strong');
    assert.equal(reply.status, 422);
    assert.equal(((await reply.json()) as Record<string, unknown>)['code'], 'StatementFailed');
  }
});

test('what is no query streams as well, complete in one part', async () => {
  const text = await (await stream('us-east', 'SHOW server_version_num', 'eventual')).text();
  assert.equal(text.trimEnd().split('\n').length, 3);
});

/** A stream of 300 MB whose reply nobody reads yet. */
async function unreadStream(headers: Record<string, string>): Promise<IncomingMessage> {
  const token = await cluster.token();
  const sql = "SELECT repeat('x', 1000) AS v FROM generate_series(1, 300000)";
  return new Promise((resolve, reject) => {
    const sent = httpRequest(`${cluster.region('eu-west').origin}/v1/query`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        accept: 'application/x-ndjson',
        ...headers,
      },
    });
    sent.on('response', resolve).on('error', reject);
    sent.end(JSON.stringify({ sql }));
  });
}

test('a client that reads slowly holds the rows back, and may leave', async () => {
  const before = process.memoryUsage().rss;
  const reply = await unreadStream({});
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(await busyConnections(), 1, 'the cursor waits');
  assert.ok(process.memoryUsage().rss - before < 200e6, 'and nothing piles up');
  reply.destroy();
  await eventually(async () => (await busyConnections()) === 0);
});

test('a client that takes nothing loses cursor and connection in time', async () => {
  const reply = await unreadStream({ 'meridian-deadline-ms': '1500' });
  const ended = new Promise((resolve) => reply.once('close', resolve).on('error', () => undefined));
  await eventually(async () => (await busyConnections()) === 1);
  await eventually(async () => (await busyConnections()) === 0, { deadlineMs: 5000 });
  // Only what is read shows that the other side has closed.
  setTimeout(() => reply.resume(), 2500);
  await ended;
  assert.equal(reply.complete, false);
});

test('a reply in one piece holds so many bytes, and says that it was cut off', async () => {
  const sql = "SELECT repeat('x', 1000) AS v FROM generate_series(1, 1000)";
  const answer = await cluster.query('us-east', sql, { consistency: 'strong' });
  const { rows, truncated } = answer.body as { rows: unknown[]; truncated: boolean };
  assert.equal(truncated, true);
  assert.ok(rows.length >= 90 && rows.length <= 110, String(rows.length));
});
