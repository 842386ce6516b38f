/** What the divergence reports of a cluster say, row by row. */
import type { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';
import type { ReportedRow } from '../checkers/reported-loss.ts';

const pageRows = 1000;

interface Tail {
  readonly region: string;
  readonly node: string | null;
  readonly epoch: number;
  readonly isListed: boolean;
  readonly why: string | null;
}

interface ListedRow {
  readonly schema: string;
  readonly table: string;
  readonly after: Readonly<Record<string, string>> | null;
  readonly confirmed: string;
}

/** The list is at the primary's node: a region that has just come back may not reach it yet. */
async function listedTails(cluster: TestCluster, asked: string): Promise<readonly Tail[]> {
  let tails: readonly Tail[] | undefined;
  await eventually(async () => {
    tails = (await cluster.admin(asked, '/admin/diverged'))['items'] as readonly Tail[] | undefined;
    return tails !== undefined;
  });
  return tails ?? [];
}

/** The reported rows of `table` (with its schema). Throws for a tail that is not listed. */
export async function reportedRows(cluster: TestCluster, table: string): Promise<ReportedRow[]> {
  const asked = cluster.regionIds[0] ?? '';
  const tails = await listedTails(cluster, asked);
  const rows: ReportedRow[] = [];
  for (const { region, node, epoch, isListed, why } of tails) {
    const holder = node ?? region;
    if (!isListed) throw new Error(`the tail of ${holder} before ${epoch} is not listed: ${why}`);
    for (let after: unknown = 0; after !== null;) {
      const path = `/admin/diverged/${holder}/${epoch}?after=${String(after)}&limit=${pageRows}`;
      const page = await cluster.admin(asked, path);
      for (const row of page['items'] as ListedRow[]) {
        if (`${row.schema}.${row.table}` !== table) continue;
        rows.push({ id: row.after?.['id'] ?? '', confirmed: row.confirmed });
      }
      after = page['next'];
    }
  }
  return rows;
}
