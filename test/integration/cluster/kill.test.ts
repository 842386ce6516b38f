// test: alone deadline 420 s
/**
 * Kill -9 of any one process in the middle of writes from every region: after it is back, nothing
 * that was confirmed is lost, nothing is doubled, and all regions are equal. Meanwhile, as long as
 * every gateway is there, no proxied request and no read that any node may serve fails.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeTables, startClients, type KindResult } from '../../helpers/losses/clients.ts';
import { openShop, shopSection, type Shop } from '../../helpers/losses/shop.ts';

let cluster: TestCluster;
let shop: Shop;
const confirmed = new Set<string>();
const refused = new Set<string>();
let isWriting = true;
let writers: Promise<void>[] = [];

before(async () => {
  cluster = await TestCluster.start({ isSecured: true, sections: { gateway: shopSection } });
  const first = cluster.regionIds[0] ?? '';
  const made = await cluster.query(
    first,
    'CREATE TABLE entry (id text, written_in text, at timestamptz DEFAULT now())',
  );
  assert.equal(made.status, 200, JSON.stringify(made.body));
  await makeTables(cluster);
  shop = await openShop(cluster);
  writers = cluster.regionIds.map((region) => write(region));
});

after(async () => {
  isWriting = false;
  await Promise.allSettled(writers);
  await shop?.stop();
  await cluster?.remove();
});

/** Inserts one row after the other; only what was answered 200 must be there afterwards. */
async function write(region: string): Promise<void> {
  for (let n = 0; isWriting; n += 1) {
    const id = `${region}-${n}`;
    try {
      const sql = 'INSERT INTO entry (id, written_in) VALUES ($1, $2)';
      const { status, body } = await cluster.query(region, sql, { params: [id, region] });
      if (status === 200) confirmed.add(id);
      else if (body.code !== 'CommitOutcomeUnknown' && body.code !== 'UpstreamUnavailable') {
        refused.add(id);
      }
    } catch {
      // No answer: the outcome is open.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function count(region: string): Promise<number> {
  const { body } = await cluster.query(region, 'SELECT count(*)::int AS n FROM entry', {
    consistency: 'eventual',
  });
  return Number(body.rows?.[0]?.['n'] ?? -1);
}

/** Everything confirmed so far is in every region exactly once; refused rows are nowhere. */
async function checkRegions(): Promise<void> {
  const due = [...confirmed];
  const wrongIn = async (region: string): Promise<string[]> => {
    const sql = 'SELECT id, count(*)::int AS n FROM entry GROUP BY id';
    const rows: { id: string; n: number }[] = [];
    for (let last = ''; ;) {
      const { status, body } = await cluster.query(
        region,
        `SELECT * FROM (${sql}) AS counted
        WHERE id > $1 ORDER BY id LIMIT 5000`,
        { params: [last], consistency: 'eventual' },
      );
      if (status !== 200) return [`HTTP ${status} ${String(body.code)}`];
      const page = (body.rows ?? []) as unknown as { id: string; n: number }[];
      rows.push(...page);
      if (page.length < 5000) break;
      last = page.at(-1)?.id ?? '';
    }
    const found = new Map(rows.map(({ id, n }) => [id, Number(n)]));
    return [
      ...due.filter((id) => !found.has(id)).map((id) => `lost ${id}`),
      ...rows.filter(({ n }) => Number(n) !== 1).map(({ id, n }) => `${n} times ${id}`),
      ...[...refused].filter((id) => found.has(id)).map((id) => `refused but there ${id}`),
    ];
  };
  for (const region of cluster.regionIds) {
    let wrong: string[] = [];
    await eventually(
      async () => {
        wrong = await wrongIn(region).catch((error: unknown) => [String(error)]);
        return wrong.length === 0;
      },
      { deadlineMs: 45_000, intervalMs: 300 },
    ).catch(() => assert.fail(`${region}: ${wrong.slice(0, 10).join(', ')}`));
  }
}

const victims = [
  ['primary', 'redis'],
  ['replica', 'redis'],
  ['replica', 'meridian'],
  ['replica', 'pg-1'],
  ['replica', 'pg-2'],
  ['replica', 'kafka'],
  ['primary', 'pg-2'],
  ['primary', 'meridian'],
  ['primary', 'kafka'],
  ['primary', 'pg-1'],
] as const;

for (const [role, name] of victims) {
  test(`${name} of a ${role} region is killed`, async () => {
    const { primary } = (await cluster.admin(anyRegion(), '/admin/regions')) as {
      primary: string;
    };
    const region =
      role === 'primary' ? primary : (cluster.regionIds.find((id) => id !== primary) ?? '');
    const before = confirmed.size;
    const clients = await startClients(cluster, { proxied: 3, reads: 3, writes: 0 });
    await eventually(() => performance.now() - clients.startedMs > 1000);
    const pid = await cluster.signal(region, name, 'SIGKILL');
    await eventually(
      async () => {
        const { processes } = await cluster.agentState(region);
        const now = processes.find((process) => process.name === name);
        return now?.phase === 'running' && now.pid !== pid;
      },
      { deadlineMs: 60_000, intervalMs: 200 },
    );
    await eventually(() => confirmed.size > before + 50, { deadlineMs: 60_000 });
    const { kinds } = await clients.finish();
    if (name !== 'meridian') assert.deepEqual(kinds.flatMap(failuresOf), []);
    await checkRegions();
  });
}

function failuresOf({ kind, at, result }: KindResult): readonly string[] {
  return result.failures.map(({ atMs, why }) => `${kind} at ${at}, ${atMs.toFixed(0)} ms: ${why}`);
}

test('a replica region that lost its PostgreSQL data is seeded anew under load', async () => {
  const { primary } = (await cluster.admin(anyRegion(), '/admin/regions')) as { primary: string };
  const region = cluster.regionIds.find((id) => id !== primary) ?? '';
  await cluster.stopRegion(region);
  cluster.deletePostgresData(region);
  await cluster.up();
  await checkRegions();
});

test('after the last write the regions are equal row by row', async () => {
  isWriting = false;
  await Promise.allSettled(writers);
  await checkRegions();
  // A write whose outcome nobody was told may still be on its way: it arrives everywhere.
  let counts: readonly number[] = [];
  await eventually(
    async () => {
      counts = await Promise.all(cluster.regionIds.map(count));
      return new Set(counts).size === 1;
    },
    { deadlineMs: 20_000, intervalMs: 200 },
  ).catch(() => assert.fail(counts.join(', ')));
});

function anyRegion(): string {
  return cluster.regionIds[0] ?? '';
}
