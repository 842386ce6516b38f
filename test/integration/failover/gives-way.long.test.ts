// test: alone deadline 300 s
/**
 * A primary that cannot do its work gives way although its processes run: its own Kafka broker
 * answers nobody, or its PostgreSQL ends at each start. Nothing that was confirmed is lost.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connectPg } from '../../../shared/pg/client.ts';
import { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';

let cluster: TestCluster;
const long = { deadlineMs: 120_000 };

before(async () => {
  cluster = await TestCluster.start({ nodesPerRegion: 1 });
  const [first = ''] = cluster.regionIds;
  const made = await cluster.query(first, 'CREATE TABLE kept (id int PRIMARY KEY)');
  assert.equal(made.status, 200, JSON.stringify(made.body));
});

after(() => cluster?.remove());

async function viewOf(region: string): Promise<{ primary: string; members: readonly string[] }> {
  const { primary, members } = await cluster.admin(region, '/admin/regions');
  return { primary: String(primary), members: members as readonly string[] };
}

/** The primary, once every other region is a member. */
async function settledPrimary(): Promise<string> {
  return eventually(async () => {
    const [first = ''] = cluster.regionIds;
    const { primary, members } = await viewOf(first);
    return members.length === 2 ? primary : undefined;
  }, long);
}

async function write(region: string, id: number): Promise<boolean> {
  try {
    const sql = `INSERT INTO kept VALUES (${id}) ON CONFLICT DO NOTHING`;
    const { status } = await cluster.query(region, sql, { durability: 'semi-sync' });
    return status === 200;
  } catch {
    return false;
  }
}

/** Waits until another region than `old` is primary and takes writes; all of `ids` are there. */
async function takenOver(old: string, ids: readonly number[]): Promise<void> {
  const [other = ''] = cluster.regionIds.filter((id) => id !== old);
  await eventually(async () => (await viewOf(other)).primary !== old, long);
  await eventually(() => write(other, 1000 + ids.length), long);
  const { body } = await cluster.query(other, 'SELECT id FROM kept WHERE id < 1000 ORDER BY id', {
    consistency: 'strong',
  });
  const { rows } = body;
  assert.deepEqual(
    rows?.map((row) => Number(Object.values(row)[0])),
    ids,
  );
}

test('trap 84: a primary whose own log does not answer gives way', async () => {
  const old = await settledPrimary();
  assert.equal(await write(old, 1), true);
  await cluster.signal(old, 'kafka', 'SIGSTOP');
  try {
    await takenOver(old, [1]);
  } finally {
    await cluster.signal(old, 'kafka', 'SIGCONT');
  }
});

test('trap 85: a primary whose PostgreSQL ends at each start gives way', async () => {
  const old = await settledPrimary();
  assert.equal(await write(old, 2), true);
  const { bind, nodes } = cluster.region(old);
  const owner = await connectPg({
    ...{ host: bind, port: nodes[0]?.port ?? 5432, database: cluster.config.database },
    ...{ user: 'meridian_owner', password: cluster.secrets(old).shared.postgres.owner },
    applicationName: 'test',
  });
  owner.on('error', () => undefined);
  await owner.query(`ALTER SYSTEM SET shared_preload_libraries = 'there_is_no_such_library'`);
  await cluster.signal(old, 'pg-1', 'SIGKILL');
  await takenOver(old, [1, 2]);
});
