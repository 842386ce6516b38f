/** Interactive transactions that end otherwise: another primary, a doubtful COMMIT, a stop. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import {
  begin,
  call,
  cluster,
  codeOf,
  countOf,
  nothingOpen,
  query,
  useCluster,
} from '../../helpers/interactive.ts';

useCluster();

/** Names who releases waiting commits; an empty name releases them all. */
async function gate(name: string): Promise<void> {
  await cluster().sql('eu-west', `ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await cluster().sql('eu-west', 'SELECT pg_reload_conf()');
}

test('a change of primary ends idle and running ones; the error asks for more', async () => {
  const [idle, running] = [await begin(), await begin()];
  await query(idle, "INSERT INTO t VALUES (70, 'x')");
  const slow = query(running, 'SELECT pg_sleep(20)');
  await eventually(async () => {
    const sql = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(20)'";
    return (await cluster().sql('eu-west', sql)).length > 0;
  });
  const { control } = cluster().region('eu-west');
  control.set({ role: 'draining', isOpen: false, leaseValidUntilMs: null });
  const told = [await slow, await query(idle, 'SELECT 1'), await call(`${idle}/commit`)];
  for (const answer of told) {
    assert.equal(codeOf(answer), 'StaleEpoch 40001');
    assert.equal(answer.body['retry'], 'refresh');
  }
  await nothingOpen();
  assert.equal(codeOf(await call('')), 'Draining');
  assert.equal(await countOf('id = 70'), '0');
});

test('the outcome of a keyed COMMIT can be asked for, also where nobody knows the id', async () => {
  const path = await begin();
  await query(path, "INSERT INTO t VALUES (80, 'x')");
  const keyed = { headers: { 'idempotency-key': 'k80' } };
  assert.equal((await call(`${path}/commit`, {}, keyed)).status, 200);
  const outcome = await fetch(`${cluster().region('us-east').origin}/v1/idempotency/k80`, {
    headers: { authorization: `Bearer ${await cluster().token()}`, 'meridian-durability': 'async' },
  });
  assert.equal(((await outcome.json()) as { outcome: string }).outcome, 'done');

  const other = await begin();
  await query(other, "INSERT INTO t VALUES (81, 'x')");
  assert.equal(codeOf(await call(`${other}/commit`, {}, keyed)), 'RequestInvalid');
  assert.equal(await countOf('id = 81'), '0');
});

test('a COMMIT whose wait ends without confirmation is unknown, and the key tells', async () => {
  await gate('nobody');
  const gated = { headers: { 'meridian-durability': 'semi-sync' } };
  const path = await begin({}, gated);
  await query(path, "INSERT INTO t VALUES (90, 'x')");
  const headers = { 'meridian-deadline-ms': '300', 'idempotency-key': 'k90' };
  const bare = { 'meridian-deadline-ms': '300' };
  const unknown = await call(`${path}/commit`, {}, { headers });
  assert.equal(codeOf(unknown), 'CommitOutcomeUnknown');
  assert.equal(codeOf(await call(`${path}/commit`, {}, { headers: bare })), 'CommitOutcomeUnknown');
  const waiting = await cluster().sql(
    'eu-west',
    "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'",
  );
  assert.equal(waiting.length, 1, 'a COMMIT in doubt is never cancelled');
  await gate('');
  const asked = { headers: { 'idempotency-key': 'k90' } };
  const known = await eventually(async () => {
    const answer = await call(`${path}/commit`, {}, asked);
    return answer.status === 200 ? answer : null;
  });
  assert.deepEqual(known.body, { command: 'COMMIT' });
  assert.equal(await countOf('id = 90'), '1');
});

test('a process that stops lets them end for a moment, then rolls them back', async () => {
  const path = await begin();
  await query(path, "INSERT INTO t VALUES (99, 'x')");
  await cluster().region('eu-west').router.drain();
  assert.equal(codeOf(await query(path, 'SELECT 1')), 'Draining 40001');
  assert.equal(codeOf(await call('')), 'Draining');
  await nothingOpen();
  assert.equal(await countOf('id = 99'), '0');
});
