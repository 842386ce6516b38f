// test: alone deadline 240 s
/**
 * The node of the primary region is lost with commits that it alone held: its standby takes over in
 * a new epoch, the old node is started isolated, what it held is listed row by row, and it comes
 * back as a standby, all by itself.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asOwner } from '../../fault/run/owner-session.ts';
import { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';
import { NodeLosses } from '../../helpers/losses/lost-node.ts';

let cluster: TestCluster;
let losses: NodeLosses;

before(async () => {
  cluster = await TestCluster.start();
  losses = new NodeLosses(cluster);
  await losses.write('CREATE TABLE account (id int PRIMARY KEY, owner text, balance int)');
  await losses.write(`INSERT INTO account VALUES (1, 'ann', 10), (2, 'bob', 20), (3, 'eve', 30)`);
});

after(async () => {
  await cluster?.remove();
});

test('soon after a region has opened its standby has a copy of the slot', async () => {
  const { primary, epoch } = await losses.primary();
  const region = cluster.regionIds.find((id) => id !== primary) ?? '';
  const path = `/admin/regions/${primary}/failover`;
  await eventually(
    async () => (await cluster.admin(region, path, { to: region }))['httpStatus'] === 202,
    { deadlineMs: 30_000, intervalMs: 500 },
  );
  await losses.untilEpochAfter(epoch);
  // Left to itself it takes half a minute: it is promoted without one until then.
  await eventually(() => hasCopy(region, `meridian_${epoch + 1}`), { deadlineMs: 10_000 });
});

test('what only the lost node held is listed row by row, and it follows again', async () => {
  const lost = await losses.lose(
    'UPDATE account SET balance = 11 WHERE id = 1',
    'DELETE FROM account WHERE id = 2',
    `INSERT INTO account VALUES (4, 'dan', 40)`,
  );
  await losses.untilEpochAfter(lost.epoch);
  await losses.untilIts('standby', lost);
  assert.equal((await losses.primary()).primary, lost.region, 'its standby took over');
  const { transactions, rows: count, isListed } = await losses.listed(lost);
  assert.deepEqual([transactions, count, isListed], [3, 3, true]);
  const other = cluster.regionIds.find((id) => id !== lost.region) ?? '';
  const rows = await losses.rows(lost, other);
  assert.deepEqual(
    rows.map((row) => [row['table'], row['command'], row['before'], row['after']]),
    [
      [
        ...['account', 'update'],
        { id: '1', owner: 'ann', balance: '10' },
        { id: '1', owner: 'ann', balance: '11' },
      ],
      ['account', 'delete', { id: '2', owner: 'bob', balance: '20' }, null],
      ['account', 'insert', null, { id: '4', owner: 'dan', balance: '40' }],
    ],
  );
  assert.deepEqual([...new Set(rows.map((row) => row['confirmed']))], ['async-only']);
  const { items } = (await cluster.admin(other, '/admin/history')) as {
    items: { epoch: number; rowsLost: number | null }[];
  };
  assert.equal(items.find(({ epoch }) => epoch === lost.epoch + 1)?.rowsLost, 3);
  assert.equal(losses.foldersAside(lost), 1);
  const { body } = await cluster.query(other, 'SELECT id, balance FROM account ORDER BY id');
  assert.deepEqual(
    body.rows?.map(({ balance }) => balance),
    [10, 20, 30],
  );
});

/** Whether a node of `region` has a copy of the slot that outlives a promotion. */
async function hasCopy(region: string, slot: string): Promise<boolean> {
  const copies = ['pg-1', 'pg-2'].map((node) =>
    asOwner(cluster, { region, node }, async (client) => {
      const { rows } = await client.query(
        'SELECT FROM pg_replication_slots WHERE slot_name = $1 AND synced AND NOT temporary',
        [slot],
      );
      return rows.length === 1;
    }),
  );
  return (await Promise.all(copies)).includes(true);
}
