/**
 * Position tokens that cannot be served, tokens as cookies, what a strong read may show, and who
 * waits behind a COMMIT that waits.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { encodePositionToken } from '../../../shared/core/position-token.ts';
import { parsePosition } from '../../../shared/core/position.ts';
import { createTokenSigner } from '../../../shared/runtime/token-signer.ts';
import { withPg } from '../../../shared/pg/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { RouterCluster, type Answer } from '../../helpers/router.ts';

let cluster: RouterCluster;
const asynchronous = { durability: 'async' };

before(async () => {
  cluster = await RouterCluster.start({
    regions: ['eu-west', 'us-east'],
    standbys: 1,
    router: { positionCookie: { secure: false, maxAgeSeconds: 60 }, tokenWaitMs: 1000 },
  });
  await cluster.query('eu-west', 'CREATE TABLE public.t (id int PRIMARY KEY)', asynchronous);
});

after(async () => {
  await cluster.stop();
});

function forge(position: string, change: { clusterId?: string; key?: string } = {}): string {
  const { positionKeys } = cluster.secrets.shared;
  const keys =
    change.key === undefined
      ? positionKeys
      : { signWith: 'k', keys: { k: Buffer.from(change.key).toString('base64') } };
  const at = parsePosition(position) ?? assert.fail(position);
  const { clusterId, cell } = { ...cluster.cluster, ...change };
  const text = encodePositionToken({ clusterId, cell, position: at, isUpperBound: false });
  return createTokenSigner(keys).sign(text);
}

/** An answer that took less than `ms`: the machine may be busy with other things now and then. */
async function answerWithin(ms: number, ask: () => Promise<Answer>): Promise<Answer> {
  return eventually(async () => {
    const startedMs = performance.now();
    const answer = await ask();
    return performance.now() - startedMs < ms ? answer : null;
  });
}

const refusals: [string, () => string][] = [
  ['malformed', () => 'nonsense'],
  ['signed by a stranger', () => forge('1:0/10', { key: 'stranger' })],
  ['of another cluster', () => forge('1:0/10', { clusterId: 'another' })],
  ['of a position not reached yet', () => forge('1:FFFF/0')],
  ['of an epoch not begun yet', () => forge('7:0/10')],
];

for (const [name, token] of refusals) {
  for (const region of ['eu-west', 'us-east']) {
    test(`a token ${name} is refused within 20 ms in ${region}`, async () => {
      cluster.region('eu-west').status.decodedTo = parsePosition('1:FF/0')?.endLsn ?? null;
      const headers = { 'meridian-position': token() };
      const ask = () => cluster.query(region, 'SELECT 1', { headers });
      assert.equal((await answerWithin(20, ask)).body['code'], 'TokenInvalid');
      cluster.region('eu-west').status.decodedTo = null;
    });
  }
}

test('the cookie carries the token; the later of header and cookie counts', async () => {
  const write = await cluster.query('eu-west', 'INSERT INTO t VALUES (1)', asynchronous);
  const cookie = write.headers.get('set-cookie') ?? '';
  assert.match(cookie, /^meridian-position=[^;]+; Path=\/; Max-Age=60; HttpOnly; SameSite=Lax$/);
  const [pair = ''] = cookie.split(';');
  const read = await cluster.query('us-east', 'SELECT id FROM t WHERE id = 1', {
    headers: { cookie: `other=1; ${pair}`, 'meridian-position': forge('1:0/10') },
  });
  assert.equal(read.headers.get('meridian-region'), 'eu-west', 'us-east is not that far');
  assert.deepEqual(read.body['rows'], [{ id: 1 }]);
});

test('a cookie that can never be served is taken back', async () => {
  for (const value of ['nonsense', forge('7:0/10')]) {
    const headers = { cookie: `meridian-position=${value}` };
    const answer = await cluster.query('eu-west', 'SELECT 1', { headers, consistency: 'strong' });
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.headers.get('set-cookie') ?? '', /^meridian-position=; .*Max-Age=0/);
  }
});

/** A commit that PostgreSQL shows although nobody else holds it: a client cancelled its wait. */
async function showUnconfirmed(id: number): Promise<number> {
  return withPg(cluster.target('eu-west', 1), async (client) => {
    await client.query('BEGIN');
    await client.query('SET LOCAL synchronous_commit = local');
    await client.query(`INSERT INTO t VALUES (${id})`);
    const { rows } = (await client.query('SELECT pg_current_xact_id() AS xid')) as {
      rows: { xid: string }[];
    };
    await client.query('COMMIT');
    return Number(rows[0]?.xid);
  });
}

test('a strong read waits until what it shows is held by other regions', async () => {
  const { status } = cluster.region('eu-west');
  const xid = await showUnconfirmed(100);
  status.held = 0;
  status.unreleased = [xid];
  for (const sql of ['SELECT id FROM t WHERE id = 100', 'SELECT id, random() FROM t']) {
    const late = await cluster.query('eu-west', sql, { consistency: 'strong' });
    assert.equal(late.body['code'], 'ConsistencyTimeout', late.text);
  }
  const pending = cluster.query('eu-west', 'SELECT id FROM t WHERE id = 100', {
    consistency: 'strong',
  });
  const racing = await Promise.race([pending, new Promise((resolve) => setTimeout(resolve, 100))]);
  assert.equal(racing, undefined, 'it waits');
  status.held = 1;
  assert.deepEqual((await pending).body['rows'], [{ id: 100 }]);
  status.unreleased = [];
});

test('a strong read does not wait for what was asked to be async', async () => {
  const { status } = cluster.region('eu-west');
  status.held = 0;
  const answer = await cluster.query(
    'eu-west',
    'INSERT INTO t VALUES (101) RETURNING id, xmin::text AS xid',
    asynchronous,
  );
  const [row] = answer.body['rows'] as { xid: string }[];
  status.unreleased = [Number(row?.xid)];
  await eventually(async () => {
    const read = await cluster.query('us-east', 'SELECT id FROM t WHERE id = 101', {
      consistency: 'strong',
      headers: { 'meridian-deadline-ms': '900' },
    });
    return read.body['rowCount'] === 1;
  });
  status.held = 1;
  status.unreleased = [];
});

test('a strong read that runs as a write checks the lease as well', async () => {
  const { control } = cluster.region('eu-west');
  const pending = cluster.query('eu-west', 'SELECT pg_sleep(1.5)', {
    consistency: 'strong',
    headers: { 'meridian-deadline-ms': '4000' },
  });
  await eventually(async () => {
    const sql = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    return (await cluster.sql('eu-west', sql)).length > 0;
  });
  control.set({ leaseValidUntilMs: 0 });
  const answer = await pending;
  control.set({ leaseValidUntilMs: Number.MAX_SAFE_INTEGER });
  assert.notEqual(answer.status, 200, answer.text);
});

test('trap 53: a hot row waits for the COMMIT that holds it, other rows for nobody', async () => {
  const sql = (text: string) => cluster.sql('eu-west', text);
  const waiting = (condition: string) =>
    eventually(async () => {
      return (await sql(`SELECT 1 FROM pg_stat_activity WHERE ${condition}`)).length > 0;
    });
  const gate = async (name: string): Promise<void> => {
    await sql(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
    await sql('SELECT pg_reload_conf()');
  };
  const change = (id: number, durability: string): Promise<Answer> =>
    cluster.query('eu-west', `UPDATE hot SET n = n + 1 WHERE id = ${id}`, { durability });
  await cluster.query('eu-west', 'CREATE TABLE hot (id int PRIMARY KEY, n int)', asynchronous);
  await cluster.query('eu-west', 'INSERT INTO hot VALUES (1, 0), (2, 0)', asynchronous);
  const first = change(1, 'sync');
  await waiting("wait_event = 'SyncRep'");
  let isHotDone = false;
  const second = change(1, 'async').then((answer) => {
    isHotDone = true;
    return answer;
  });
  await waiting("wait_event_type = 'Lock'");
  for (let n = 0; n < 3; n += 1) {
    const other = await change(2, 'async');
    assert.equal(other.status, 200, other.text);
  }
  assert.equal(isHotDone, false);
  await gate('meridian_eu_west_pg_2');
  for (const answer of [await first, await second]) assert.equal(answer.status, 200, answer.text);
  await gate('meridian_closed');
  assert.deepEqual(await sql('SELECT n FROM hot WHERE id = 1'), [{ n: '2' }]);
});
