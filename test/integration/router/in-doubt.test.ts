/** A write whose COMMIT was lost from sight: what a repetition under its key may say of it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { RouterCluster } from '../../helpers/router.ts';
import { withPg } from '../../../shared/pg/client.ts';

let cluster: RouterCluster;

before(async () => {
  cluster = await RouterCluster.start({ regions: ['eu-west'], router: { holdMs: 20_000 } });
  await cluster.sql('eu-west', 'CREATE TABLE public.t (id int PRIMARY KEY)');
  await cluster.sql('eu-west', 'GRANT ALL ON public.t TO app');
  await cluster.sql('eu-west', "ALTER SYSTEM SET synchronous_standby_names = 'meridian_closed'");
  await cluster.sql('eu-west', 'SELECT pg_reload_conf()');
});

after(async () => {
  await cluster.stop();
});

/** The process of the first backend for which `condition` holds, once there is one. */
async function backend(condition: string): Promise<string> {
  return eventually(async () => {
    const sql = `SELECT pid FROM pg_stat_activity WHERE ${condition}`;
    return (await cluster.sql('eu-west', sql))[0]?.['pid'];
  });
}

test('it stays unknown when the repetition gets nowhere', async () => {
  await withPg(cluster.target('eu-west', 1), async (other) => {
    const answer = cluster.query('eu-west', 'INSERT INTO t VALUES (1)', {
      durability: 'semi-sync',
      headers: { 'idempotency-key': 'doubt-1', 'meridian-deadline-ms': '3000' },
    });
    const committing = await backend("wait_event = 'SyncRep'");
    // Queued behind the first attempt and before the second, which waits for it to the end.
    await other.query('BEGIN');
    const lock = other.query('LOCK TABLE meridian.idempotency IN ACCESS EXCLUSIVE MODE');
    await backend("wait_event_type = 'Lock' AND query LIKE 'LOCK TABLE%'");
    await cluster.sql('eu-west', `SELECT pg_terminate_backend(${committing})`);
    await lock;
    await backend("wait_event_type = 'Lock' AND query LIKE '%meridian.idempotency%'");
    const { body, text } = await answer;
    assert.equal(body['code'], 'CommitOutcomeUnknown', text);
    await other.query('ROLLBACK');
  });
  const [row] = await cluster.sql('eu-west', 'SELECT count(*)::text AS n FROM t');
  assert.equal(row?.['n'], '1', 'the first attempt had committed');
});
