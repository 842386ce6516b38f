/**
 * Split deployments: the services of a region in several processes do together what one process
 * does, each reached where the cluster file says.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestCluster, TestClusterOptions } from '../../../helpers/cluster.ts';
import { eventually } from '../../../helpers/eventually.ts';

export const split: NonNullable<TestClusterOptions['split']> = {
  'us-east': [['router'], ['replicator']],
  'ap-south': [['gateway', 'router'], ['failover']],
};

export function testSplitRegion(cluster: () => TestCluster): void {
  test('every process runs, and says that it serves what it has', async () => {
    const { processes } = await cluster().agentState('us-east');
    const names = processes.map(({ name }) => name).filter((name) => name.startsWith('meridian'));
    assert.deepEqual(names, ['meridian', 'meridian-router', 'meridian-replicator']);
    for (const port of [7081, 7101, 7111]) {
      const { scheme, fetch } = cluster().listeners;
      const url = `${scheme}://${cluster().region('us-east').bind}:${port}/health/ready`;
      const isReady = async (): Promise<boolean> => (await fetch(url)).status === 200;
      await eventually(isReady, { deadlineMs: 20_000 });
    }
  });

  test('a gateway without a router passes SQL to the router of its region', async () => {
    const made = await cluster().query('us-east', 'CREATE TABLE split_note (id int PRIMARY KEY)');
    assert.equal(made.status, 200, JSON.stringify(made.body));
    const written = await cluster().query('us-east', 'INSERT INTO split_note VALUES (1)');
    assert.equal(written.status, 200, JSON.stringify(written.body));
    const position = written.headers.get('meridian-position') ?? '';
    // A region that lags may have its primary answer: the row is right at once, the place soon.
    await eventually(async () => {
      const read = await cluster().query('us-east', 'SELECT id FROM split_note', {
        headers: { 'meridian-position': position },
      });
      assert.deepEqual(read.body.rows, [{ id: 1 }]);
      return read.headers.get('meridian-served-by') === 'us-east/pg-1';
    });
  });
}
