/** Strong reads by quorum, keys that expire, reads that nobody waits for any more. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import { eventually } from '../../helpers/eventually.ts';
import { RouterCluster } from '../../helpers/router.ts';

let cluster: RouterCluster;
const asynchronous = { durability: 'async' };

before(async () => {
  cluster = await RouterCluster.start({
    regions: ['eu-west', 'us-east'],
    router: { strongReads: 'quorum', holdMs: 600, keyKeepMs: 60_000, keyExpiryIntervalMs: 300 },
  });
  await cluster.query('eu-west', 'CREATE TABLE public.t (id int PRIMARY KEY)', asynchronous);
});

after(async () => {
  await cluster.stop();
});

async function strongRead(): Promise<unknown> {
  const answer = await cluster.query('eu-west', 'SELECT 1', { consistency: 'strong' });
  return answer.body['code'] ?? answer.status;
}

test('a strong read by quorum needs the word of every member', async () => {
  const { control } = cluster.region('eu-west');
  const member = (store: string): ClusterView['members'] => [
    { region: cluster.region('us-east').id, store },
  ];
  assert.equal(await strongRead(), 'Draining', 'no member at all');
  control.set({ members: member('s') });
  assert.equal(await strongRead(), 200);
  control.set({ members: member('another') });
  assert.equal(await strongRead(), 'Draining', 'a log that the member lost counts for nothing');
  control.set({ members: member('s') });
  await cluster.sql('us-east', 'UPDATE meridian_local.fence SET sealed_epoch = 2');
  assert.equal(await strongRead(), 'Draining', 'it has promised itself to a later epoch');
  await cluster.sql('us-east', 'UPDATE meridian_local.fence SET sealed_epoch = 1');
  assert.equal(await strongRead(), 200);
});

test('keys are kept as long as promised, and no longer', async () => {
  for (const id of [1, 2]) {
    const headers = { 'idempotency-key': `k-${id}` };
    const sql = `INSERT INTO t VALUES (${id})`;
    const answer = await cluster.query('eu-west', sql, { ...asynchronous, headers });
    assert.equal(answer.status, 200, answer.text);
  }
  await cluster.sql(
    'eu-west',
    `UPDATE meridian.idempotency SET created_at = now() - interval '2 minutes'
     WHERE key LIKE '%/k-1'`,
  );
  const rows = await eventually(async () => {
    const left = await cluster.sql('eu-west', 'SELECT key FROM meridian.idempotency');
    return left.length === 1 ? left : null;
  });
  assert.match(rows[0]?.['key'] ?? '', /k-2$/);
});

test('a read is ended when its client leaves', async () => {
  const leaving = new AbortController();
  const sql = 'SELECT count(*) FROM generate_series(1, 1e9)';
  const pending = fetch(`${cluster.region('eu-west').origin}/v1/query`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await cluster.token(['data:read'])}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ sql }),
    signal: leaving.signal,
  }).catch(() => null);
  const running = async (): Promise<number> => {
    const rows = await cluster.sql(
      'eu-west',
      `SELECT 1 FROM pg_stat_activity WHERE query LIKE '%1e9%' AND state = 'active'
         AND application_name = 'meridian-router'`,
    );
    return rows.length;
  };
  await eventually(async () => (await running()) === 1);
  leaving.abort();
  await pending;
  await eventually(async () => (await running()) === 0, { deadlineMs: 3000 });
});
