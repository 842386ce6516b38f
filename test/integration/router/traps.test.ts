/** The router's part of the traps: what a reply may say while commits wait and primaries change. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { encodePositionToken } from '../../../shared/core/position-token.ts';
import { parseLsn } from '../../../shared/core/lsn.ts';
import { parsePosition } from '../../../shared/core/position.ts';
import { createTokenSigner } from '../../../shared/runtime/token-signer.ts';
import { median } from '../../helpers/bench/figure.ts';
import { eventually } from '../../helpers/eventually.ts';
import { handView } from '../../helpers/hand-driven.ts';
import { RouterCluster, type Answer } from '../../helpers/router.ts';

let cluster: RouterCluster;

before(async () => {
  cluster = await RouterCluster.start({
    regions: ['eu-west', 'us-east'],
    standbys: 1,
    router: { holdMs: 1500, tokenWaitMs: 3000 },
  });
  await write('CREATE TABLE public.t (id int PRIMARY KEY, v text)');
});

after(async () => {
  await cluster.stop();
});

beforeEach(async () => {
  for (const id of ['eu-west', 'us-east']) {
    const region = cluster.region(id).id;
    const primary = cluster.region('eu-west').id;
    cluster.region(id).control.set(handView(cluster.cluster, { region, primary }));
    cluster.region(id).status.unreleased = [];
  }
  await gate('meridian_closed');
});

/** Names who releases waiting commits; the standby's name releases them all. */
async function gate(name: string): Promise<void> {
  await cluster.sql('eu-west', `ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await cluster.sql('eu-west', 'SELECT pg_reload_conf()');
}
const standbyName = 'meridian_eu_west_pg_2';

async function write(sql: string, headers: Record<string, string> = {}): Promise<Answer> {
  return cluster.query('eu-west', sql, { durability: 'async', headers });
}

async function waitingBackend(): Promise<string> {
  return eventually(async () => {
    const rows = await cluster.sql(
      'eu-west',
      "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
    );
    return rows[0]?.['pid'];
  });
}

function tokenOf(answer: Answer): string {
  return answer.headers.get('meridian-position') ?? assert.fail(answer.text);
}

function forge(position: string): string {
  const signer = createTokenSigner(cluster.secrets.shared.positionKeys);
  const at = parsePosition(position) ?? assert.fail(position);
  const { clusterId, cell } = cluster.cluster;
  return signer.sign(encodePositionToken({ clusterId, cell, position: at, isUpperBound: false }));
}

for (const [name, how] of [
  ['cancelled', 'pg_cancel_backend'],
  ['terminated', 'pg_terminate_backend'],
] as const) {
  test(`trap 50: a sync wait that is ${name} is never called confirmed`, async () => {
    const id = name.length + 100;
    const pending = cluster.query('eu-west', `INSERT INTO t VALUES (${id}, 'w')`, {
      durability: 'semi-sync',
    });
    const pid = await waitingBackend();
    await cluster.sql('eu-west', `SELECT ${how}(${pid})`);
    const answer = await pending;
    assert.equal(answer.body['code'], 'CommitOutcomeUnknown', answer.text);
    assert.equal(answer.headers.get('meridian-durability'), null);
  });
}

test('trap 51: the deadline answers, the COMMIT goes on', async () => {
  const startedMs = performance.now();
  const answer = await cluster.query('eu-west', "INSERT INTO t VALUES (201, 'w')", {
    durability: 'sync',
    headers: { 'meridian-deadline-ms': '400' },
  });
  assert.equal(answer.body['code'], 'CommitOutcomeUnknown', answer.text);
  assert.ok(performance.now() - startedMs < 5000, 'the COMMIT still waits');
  await waitingBackend();
  await gate(standbyName);
  await eventually(async () => {
    const read = await cluster.query('eu-west', 'SELECT 1 FROM t WHERE id = 201', {
      consistency: 'strong',
    });
    return read.body['rowCount'] === 1;
  });
});

test('trap 34: a standby that stands still is never read behind the token', async () => {
  await cluster.sql('eu-west', 'SELECT pg_wal_replay_pause()', 2);
  try {
    for (let id = 300; id < 310; id += 1) {
      const token = tokenOf(await write(`INSERT INTO t VALUES (${id}, 'x')`));
      const read = await cluster.query('eu-west', `SELECT 1 FROM t WHERE id = ${id}`, {
        headers: { 'meridian-position': token },
      });
      assert.equal(read.body['rowCount'], 1, read.text);
      assert.equal(read.headers.get('meridian-served-by'), 'eu-west/pg-1');
    }
  } finally {
    await cluster.sql('eu-west', 'SELECT pg_wal_replay_resume()', 2);
  }
});

test('trap 58: what writes goes to the primary, however it looks', async () => {
  await write('CREATE SEQUENCE s');
  await write(`CREATE FUNCTION lies(i int) RETURNS int STABLE LANGUAGE plpgsql AS
    $$ BEGIN PERFORM nextval('s'); RETURN i; END $$`);
  await write(`CREATE FUNCTION writes(i int) RETURNS int LANGUAGE sql AS
    $$ INSERT INTO t VALUES (i, 'f') RETURNING id $$`);
  for (const sql of [
    "SELECT nextval('s')",
    'SELECT writes(400)',
    'SELECT * FROM t WHERE id = 400 FOR UPDATE',
    "WITH a AS (INSERT INTO t VALUES (401, 'c') RETURNING id) SELECT * FROM a",
    'SELECT lies(1)',
    'SELECT random()',
  ]) {
    const answer = await cluster.query('us-east', sql, {
      durability: 'async',
      consistency: 'eventual',
    });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers.get('meridian-served-by'), 'eu-west/pg-1', sql);
  }
  const plain = await cluster.query('us-east', 'SELECT count(*) FROM pg_class', {
    consistency: 'eventual',
  });
  assert.equal(plain.headers.get('meridian-served-by'), 'us-east/pg-1');
});

test('trap 63: a commit seen on a standby is waited for on the primary', async () => {
  const pending = cluster.query('eu-west', "INSERT INTO t VALUES (500, 'w')", {
    durability: 'semi-sync',
  });
  await waitingBackend();
  const [row] = await cluster.sql(
    'eu-west',
    "SELECT backend_xid FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
  );
  const [{ snapshot } = { snapshot: '' }] = await cluster.sql(
    'eu-west',
    'SELECT pg_snapshot_xip(pg_current_snapshot())::text AS snapshot',
  );
  cluster.region('eu-west').status.unreleased = [Number(row?.['backend_xid'] ?? snapshot)];
  const seen = await eventually(async () => {
    const answer = await cluster.query('eu-west', 'SELECT 1 FROM t WHERE id = 500', {
      consistency: 'eventual',
    });
    return answer.body['rowCount'] === 1 ? answer : null;
  });
  assert.equal(seen.headers.get('meridian-served-by'), 'eu-west/pg-2');
  const headers = { 'meridian-position': tokenOf(seen) };
  const strong = cluster.query('eu-west', 'SELECT 1 FROM t WHERE id = 500', {
    consistency: 'strong',
    headers,
  });
  const racing = await Promise.race([strong, new Promise((resolve) => setTimeout(resolve, 300))]);
  assert.equal(racing, undefined, 'it waits for the release');
  await gate(standbyName);
  assert.equal((await strong).body['rowCount'], 1);
  assert.equal((await pending).status, 200);
});

test('trap 66: a lease that ends during the read withholds the result', async () => {
  const { control } = cluster.region('eu-west');
  const token = await cluster.token(['data:read']);
  const slow = cluster.query('eu-west', 'SELECT pg_sleep(0.3)', {
    consistency: 'strong',
    headers: { authorization: `Bearer ${token}` },
  });
  await eventually(async () => {
    const rows = await cluster.sql(
      'eu-west',
      "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
    );
    return rows.length > 0;
  });
  control.set({ leaseValidUntilMs: 0 });
  const answer = await slow;
  assert.equal(answer.body['code'], 'Draining', answer.text);
  assert.ok(Number(answer.headers.get('retry-after')) >= 1);
});

test('trap 72: a token beyond any later cut is lost, at whatever level', async () => {
  const history = [
    { epoch: 2, cut: parsePosition('1:0/10') },
    { epoch: 3, cut: parsePosition('2:0/20') },
  ];
  cluster.region('us-east').control.set({ epoch: 3, history } as never);
  for (const consistency of ['strong', 'session', 'eventual']) {
    const answer = await cluster.query('us-east', 'SELECT 1', {
      consistency,
      headers: { 'meridian-position': forge('1:0/11') },
    });
    assert.equal(answer.status, 410, answer.text);
    assert.equal(answer.body['code'], 'WriteLost');
    const facts = { certain: true, position: '1:0/11', left: '1:0/10' };
    assert.deepEqual(answer.body['facts'], facts);
    assert.equal(answer.headers.get('meridian-position'), forge('1:0/10'));
  }
});

test('trap 82: a repeated key waits as long as the first request', async () => {
  const send = () =>
    cluster.query('eu-west', "INSERT INTO t VALUES (600, 'k') RETURNING id", {
      durability: 'semi-sync',
      headers: { 'idempotency-key': 'k-600' },
    });
  const first = send();
  await waitingBackend();
  const second = send();
  const racing = await Promise.race([first, second, new Promise((r) => setTimeout(r, 400))]);
  assert.equal(racing, undefined, 'neither is answered yet');
  await gate(standbyName);
  const answers = await Promise.all([first, second]);
  for (const answer of answers) assert.deepEqual(answer.body['rows'], [{ id: 600 }], answer.text);
});

test('a future position does not exist: refused at once', async () => {
  const { status } = cluster.region('eu-west');
  status.decodedTo = parseLsn('FF/0');
  const tookMs: number[] = [];
  for (let n = 0; n < 40; n += 1) {
    const startedMs = performance.now();
    const answer = await cluster.query('eu-west', 'SELECT 1', {
      consistency: n % 2 === 0 ? 'strong' : 'session',
      headers: { 'meridian-position': forge('1:FFFF/0') },
    });
    assert.equal(answer.body['code'], 'TokenInvalid', answer.text);
    tookMs.push(performance.now() - startedMs);
  }
  status.decodedTo = null;
  assert.ok(median(tookMs) < 20, `${median(tookMs).toFixed(1)} ms`);
});

test('requests are held while the primary changes, and each runs once', async () => {
  const regions = ['eu-west', 'us-east'].map((id) => cluster.region(id));
  const prepare = { epoch: 2, change: 'switchover', preferred: null } as never;
  for (const { control } of regions) control.set({ prepare });
  const held = regions.map(({ id }, index) =>
    cluster.query(id, `INSERT INTO t VALUES (${700 + index}, 'h')`, { durability: 'async' }),
  );
  const racing = await Promise.race([...held, new Promise((r) => setTimeout(r, 300))]);
  assert.equal(racing, undefined, 'they are held');
  for (const { control } of regions) control.set({ prepare: null });
  for (const answer of await Promise.all(held)) assert.equal(answer.status, 200, answer.text);
  for (const { control } of regions) control.set({ prepare });
  const refused = await write("INSERT INTO t VALUES (710, 'h')");
  assert.equal(refused.body['code'], 'Draining', refused.text);
  assert.equal(refused.status, 503);
});

test('a node that is no primary any more is noticed at once, and nothing was done', async () => {
  const { control } = cluster.region('eu-west');
  control.set({ node: 'eu-west/pg-2' } as never);
  const pending = write("INSERT INTO t VALUES (800, 'n')");
  await new Promise((resolve) => setTimeout(resolve, 200));
  control.set({ node: 'eu-west/pg-1' } as never);
  assert.equal((await pending).status, 200);
  await cluster.sql('eu-west', 'UPDATE meridian_local.fence SET sealed_epoch = 2');
  const fenced = await write("INSERT INTO t VALUES (801, 'n')");
  assert.equal(fenced.body['code'], 'Draining', fenced.text);
  await cluster.sql('eu-west', 'UPDATE meridian_local.fence SET sealed_epoch = 0');
  const rows = await cluster.sql('eu-west', 'SELECT id FROM t WHERE id >= 800 AND id < 900');
  assert.deepEqual(
    rows.map(({ id }) => id),
    ['800'],
  );
});

test('a connection that dies before the COMMIT was sent is no unknown outcome', async () => {
  await write("INSERT INTO t VALUES (900, 'a')");
  await cluster.sql(
    'eu-west',
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = 'meridian-router'`,
  );
  const answer = await write("INSERT INTO t VALUES (901, 'b')");
  assert.equal(answer.status, 200, answer.text);
});
