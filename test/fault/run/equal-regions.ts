/** Whether every region holds the same rows, table by table, once the last writes have arrived. */
import type { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';

const arriveMs = 30_000;

/** One line for each table that differs between regions. */
export async function findUnequalTables(cluster: TestCluster): Promise<string[]> {
  let differing: string[] = ['nothing was compared'];
  await eventually(
    async () => {
      const sums = await Promise.all(cluster.regionIds.map((id) => checksums(cluster, id)));
      const tables = new Set(sums.flatMap((sum) => [...sum.keys()]));
      differing = [...tables].flatMap((table) => {
        const found = sums.map((sum) => sum.get(table) ?? 'missing');
        return new Set(found).size === 1 ? [] : [`${table} differs: ${found.join(', ')}`];
      });
      return differing.length === 0;
    },
    { deadlineMs: arriveMs, intervalMs: 500 },
  ).catch(() => undefined);
  return differing;
}

async function checksums(cluster: TestCluster, region: string): Promise<Map<string, string>> {
  const listed = await ask(
    cluster,
    region,
    "SELECT relname FROM pg_class WHERE relnamespace = 'fault'::regnamespace AND relkind = 'r'",
  );
  const names = listed.map((row) => String(row['relname']));
  const parts = names.map(
    (name) =>
      `SELECT '${name}' AS name, count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ` +
      `ORDER BY t::text COLLATE "C")), '') AS sum FROM fault.${name} AS t`,
  );
  const rows = await ask(cluster, region, parts.join(' UNION ALL '));
  return new Map(rows.map((row) => [String(row['name']), String(row['sum'])]));
}

async function ask(
  cluster: TestCluster,
  region: string,
  sql: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const options = { headers: { 'meridian-consistency': 'eventual' } };
  const { status, body } = await cluster.query(region, sql, options);
  return status === 200 ? (body.rows ?? []) : [{ name: 'reply', sum: JSON.stringify(body) }];
}
