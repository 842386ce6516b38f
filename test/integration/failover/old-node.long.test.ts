// test: alone deadline 420 s
/** Nodes that are lost when something else goes wrong besides, and one of a replica region. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { localRegionPaths } from '../../../services/local/region-paths.ts';
import { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';
import { freeze, NodeLosses } from '../../helpers/losses/lost-node.ts';

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

test('a replica region whose node hangs goes on by its standby, without a new epoch', async () => {
  const { primary, epoch } = await losses.primary();
  const region = cluster.regionIds.find((id) => id !== primary) ?? '';
  const lost = { ...(await losses.node(region)), region, epoch };
  const statuses: number[] = [];
  let isReading = true;
  const read = async (): Promise<void> => {
    while (isReading) {
      const sql = 'SELECT count(*) FROM account';
      statuses.push((await cluster.query(region, sql, { consistency: 'eventual' })).status);
    }
  };
  const reading = read();
  freeze(lost.pid);
  try {
    await eventually(() => losses.isReplaced(lost), { deadlineMs: 60_000 });
    await losses.write(`INSERT INTO account VALUES (8, 'ida', 80)`);
    await eventually(
      async () => {
        const sql = 'SELECT FROM account WHERE id = 8';
        const { body } = await cluster.query(region, sql, { consistency: 'eventual' });
        return body.rows?.length === 1;
      },
      { deadlineMs: 60_000 },
    );
    await losses.untilIts('standby', lost);
  } finally {
    isReading = false;
    await reading;
  }
  assert.deepEqual([...new Set(statuses)], [200]);
  assert.deepEqual(await losses.primary(), { primary, epoch });
  assert.deepEqual(await losses.tails(region), []);
  assert.equal(losses.foldersAside(lost), 1);
});

test('a controller that dies while the old node runs isolated lists it once', async () => {
  const lost = await losses.lose(`INSERT INTO account VALUES (5, 'fay', 50)`);
  await losses.untilIts('isolated', lost);
  await cluster.signal(lost.region, 'meridian', 'SIGKILL');
  await losses.untilEpochAfter(lost.epoch);
  await losses.untilIts('standby', lost);
  const { rows, isListed } = await losses.listed(lost);
  assert.deepEqual([rows, isListed], [1, true]);
  const [row] = await losses.rows(lost, cluster.regionIds[2] ?? '');
  assert.deepEqual(row?.['after'], { id: '5', owner: 'fay', balance: '50' });
});

test('an old node that never comes up is listed as such, and made anew all the same', async () => {
  const lost = await losses.lose(`INSERT INTO account VALUES (6, 'gus', 60)`);
  const { postgresFolder } = localRegionPaths(cluster.stateFolder, lost.region);
  const name = lost.id.split('/')[1] ?? '';
  rmSync(join(postgresFolder, name, 'data/global/pg_control'));
  await losses.untilEpochAfter(lost.epoch);
  // The region serves meanwhile.
  await eventually(async () => {
    const sql = `INSERT INTO account VALUES (7, 'hal', 70) ON CONFLICT DO NOTHING`;
    return (await cluster.query(lost.region, sql)).status === 200;
  });
  await losses.untilEpochAfter(lost.epoch);
  await losses.untilIts('standby', lost);
  const { rows, isListed, why } = await losses.listed(lost);
  assert.deepEqual([rows, isListed], [0, false]);
  assert.match(why ?? '', /not listable: the node does not come up/);
  assert.ok(losses.foldersAside(lost) >= 1);
});
