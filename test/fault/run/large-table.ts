/** A transaction of 100,000 rows and 100 MB that a fault meets, and whether it is whole. */
import type { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';

const rowsOfBatch = 100_000;

/** Sends one batch; how it ends does not matter here. */
export async function writeBatch(cluster: TestCluster, region: string, batch: number) {
  const rows = `SELECT ${batch}, i, repeat('x', 1000) FROM generate_series(1, ${rowsOfBatch}) AS i`;
  return cluster.query(region, `INSERT INTO fault.large ${rows}`).catch(() => null);
}

export async function makeLargeTable(cluster: TestCluster, region: string): Promise<void> {
  const sql = 'CREATE TABLE fault.large (batch int, id int, body text, PRIMARY KEY (batch, id))';
  const { status, body } = await cluster.query(region, sql);
  if (status !== 200) throw new Error(JSON.stringify(body));
}

/** Throws unless every batch is whole or absent, and all regions agree; then drops the table. */
export async function checkAndDropLargeTable(cluster: TestCluster): Promise<void> {
  let found: string[] = [];
  await eventually(
    async () => {
      found = await Promise.all(cluster.regionIds.map((id) => batchesOf(cluster, id)));
      return new Set(found).size === 1;
    },
    { deadlineMs: 90_000, intervalMs: 1000 },
  ).catch(() => {
    throw new Error(`fault.large differs: ${found.join(' | ')}`);
  });
  const counts = [...(found[0] ?? '').matchAll(/=(\d+)/g)].map(([, count]) => Number(count));
  if (counts.some((count) => count !== rowsOfBatch)) {
    throw new Error(`a transaction is there in part: ${found[0] ?? ''}`);
  }
  await cluster.query(cluster.regionIds[0] ?? '', 'DROP TABLE fault.large');
}

async function batchesOf(cluster: TestCluster, region: string): Promise<string> {
  const sql = 'SELECT batch, count(*)::int AS n FROM fault.large GROUP BY batch ORDER BY batch';
  const headers = { 'meridian-consistency': 'eventual' };
  const { status, body } = await cluster.query(region, sql, { headers });
  if (status !== 200) return `${region}: ${body.code ?? status}`;
  return (body.rows ?? []).map(({ batch, n }) => `${String(batch)}=${String(n)}`).join(' ');
}
