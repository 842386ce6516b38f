// test: alone deadline 420 s
/**
 * Checked histories over three real regions: sessions write and read everywhere while replicas lag,
 * standbys die, the primary is switched over and a region is lost. 20,000 session reads, a million
 * with --long.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { withPg } from '../../../shared/pg/client.ts';
import { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';
import { KeyedLoad, keyedTable } from '../../helpers/histories/keyed-load.ts';
import { cellTable, SessionLoad } from '../../helpers/histories/session-load.ts';

const isLong = process.env['MERIDIAN_TEST_LONG'] === '1';
const readsWanted = isLong ? 1_000_000 : 20_000;
/** With --long the disturbances come ten times, with undisturbed reads between. */
const readsOfRound = readsWanted / 10;
const boundMs = 1000;
let cluster: TestCluster;
let load: SessionLoad;
let keyed: KeyedLoad;
let running: Promise<unknown> = Promise.resolve();

before(async () => {
  cluster = await TestCluster.start();
  const origins = new Map(
    cluster.regionIds.map((id) => {
      const { bind, listeners } = cluster.region(id);
      return [id, `http://${bind}:${listeners.public}`];
    }),
  );
  const token = () => cluster.token('data:write');
  load = new SessionLoad({ origins, token, sessions: 16, boundMs });
  keyed = new KeyedLoad({ origins: [...origins.values()], token, writers: 2 });
  for (const sql of [...cellTable, keyedTable, load.fillSql]) {
    const { status, body } = await cluster.query(await primaryNow(), sql, { durability: 'sync' });
    assert.equal(status, 200, JSON.stringify(body));
  }
  running = Promise.all([load.run(), keyed.run()]);
});

after(async () => {
  load?.stop();
  keyed?.stop();
  await running.catch(() => undefined);
  await cluster?.remove();
});

/** What the first region that answers says. */
async function primaryNow(): Promise<string> {
  return eventually(
    async () => {
      for (const id of load?.regions ?? cluster.regionIds) {
        const view = await cluster.admin(id, '/admin/regions').catch(() => null);
        if (typeof view?.['primary'] === 'string') return view['primary'];
      }
      return null;
    },
    { deadlineMs: 60_000 },
  );
}

async function aReplica(): Promise<string> {
  const primary = await primaryNow();
  return load.regions.find((id) => id !== primary) ?? '';
}

/** Resolves once session reads go on: at least `count` more of them. */
async function moreReads(count: number): Promise<void> {
  const { counts } = load;
  const from = counts.sessionReads;
  const deadlineMs = 120_000 + 20 * count;
  await eventually(() => counts.sessionReads >= from + count, { deadlineMs });
}

/** Another region than `before` is primary, and writes are confirmed again. */
async function primaryMoved(before: string): Promise<void> {
  await eventually(async () => (await primaryNow()) !== before, { deadlineMs: 60_000 });
  const { writes } = load.counts;
  await eventually(() => load.counts.writes > writes + 10, { deadlineMs: 60_000 });
}

const disturbances: readonly [string, () => Promise<void>][] = [
  [
    'a replica falls behind and catches up, again and again',
    async () => {
      const { bind, nodes } = cluster.region(await aReplica());
      const target = {
        ...{ host: bind, port: nodes[0]?.port ?? 0, database: cluster.config.database },
        ...{ user: 'meridian_owner', applicationName: 'test' },
        password: cluster.secrets(cluster.regionIds[0] ?? '').shared.postgres.owner,
      };
      await withPg(target, async (client) => {
        for (let n = 0; n < 3; n += 1) {
          await client.query('BEGIN');
          await client.query('LOCK TABLE history.cell IN SHARE MODE');
          await moreReads(300);
          await client.query('COMMIT');
          await moreReads(100);
        }
      });
    },
  ],
  [
    'a standby is killed',
    async () => {
      await cluster.signal(await aReplica(), 'pg-2', 'SIGKILL');
      await moreReads(500);
    },
  ],
  [
    'the primary is switched over',
    async () => {
      const from = await primaryNow();
      const to = await aReplica();
      const asked = await cluster.admin(to, `/admin/regions/${from}/failover`, { to });
      assert.equal(asked['httpStatus'], 202, JSON.stringify(asked));
      await primaryMoved(from);
    },
  ],
  [
    'the primary region is lost',
    async () => {
      const from = await primaryNow();
      const all = load.regions;
      load.regions = all.filter((id) => id !== from);
      await cluster.killRegion(from);
      await primaryMoved(from);
      if (!isLong) return;
      await cluster.up();
      load.regions = all;
      await moreReads(5000);
    },
  ],
];

test('no session is ever shown less than it knew, whatever happens', async () => {
  await moreReads(1500);
  const { localReads, sessionReads } = load.counts;
  const share = localReads / sessionReads;
  for (;;) {
    for (const [what, disturb] of disturbances) {
      await disturb();
      assert.deepEqual(load.checker.violations.slice(0, 20), [], what);
    }
    if (!isLong || load.counts.sessionReads >= readsWanted) break;
    await moreReads(readsOfRound);
  }
  await eventually(() => load.counts.sessionReads >= readsWanted, { deadlineMs: 150_000 });
  load.stop();
  keyed.stop();
  await running;
  const { failed, ...counts } = load.counts;
  console.log(JSON.stringify({ ...counts, failed: Object.fromEntries(failed) }));
  console.log(`served in the asked region, undisturbed: ${(share * 100).toFixed(1)} %`);
  assert.deepEqual(load.checker.violations.slice(0, 20), []);
  assert.ok(counts.strongReads > 100 && counts.boundedReads > 100 && counts.writes > 100);
});

/** Asked of every region that is up; the last keys are enough for the outcomes. */
test('what was written under a key is there once, through everything', async () => {
  const rows = new Map<string, number>();
  const primary = await primaryNow();
  const sql = 'SELECT key, count(*)::int AS n FROM history.keyed WHERE key = ANY($1) GROUP BY key';
  const all = [...keyed.unanswered, ...keyed.confirmed];
  for (let at = 0; at < all.length; at += 5000) {
    const params = [`{${all.slice(at, at + 5000).join(',')}}`];
    const { body } = await cluster.query(primary, sql, { params, consistency: 'strong' });
    for (const { key, n } of body.rows ?? []) rows.set(String(key), Number(n));
  }
  const outcomes = new Map<string, string>();
  const keys = [...keyed.unanswered, ...[...keyed.confirmed].slice(-50)];
  for (const [index, key] of keys.entries()) {
    const region = load.regions[index % load.regions.length] ?? primary;
    outcomes.set(key, await outcomeOf(region, key));
  }
  assert.deepEqual(keyed.judge(rows, outcomes), []);
  assert.ok(keyed.confirmed.size > 50, `${keyed.confirmed.size} keys were confirmed`);
  console.log(`keyed writes: ${keyed.confirmed.size}, unanswered: ${keyed.unanswered.size}`);
});

async function outcomeOf(region: string, key: string): Promise<string> {
  const { bind, listeners } = cluster.region(region);
  const reply = await fetch(`http://${bind}:${listeners.public}/v1/idempotency/${key}`, {
    headers: { authorization: `Bearer ${await cluster.token('data:write')}` },
  });
  const { outcome } = (await reply.json()) as { readonly outcome?: string };
  return outcome ?? `status ${reply.status}`;
}
