// test: deadline 240 s
/**
 * `whenUnconfirmed: degrade`: members that apply nothing, then do again; a member that is silent,
 * then back; `syncRequires: regions`. Each is said in replies, in `status` and in metrics.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { connectPg, type PgClient } from '../../../shared/pg/client.ts';
import { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';

let cluster: TestCluster;
let [first, second, third] = ['', '', ''];
const long = { deadlineMs: 30_000 };

before(async () => {
  cluster = await TestCluster.start({
    nodesPerRegion: 1,
    sections: {
      policy: { priority: ['eu-west', 'us-east', 'ap-south'], memberTimeoutMs: 3000 },
      durability: { whenUnconfirmed: 'degrade', degradeAfterMs: 3000, syncRequires: 'regions' },
    },
  });
  [first = '', second = '', third = ''] = cluster.regionIds;
  const made = await cluster.query(first, 'CREATE TABLE note (id int PRIMARY KEY, body text)');
  assert.equal(made.status, 200, JSON.stringify(made.body));
  await eventually(async () => (await members()).length === 2, long);
});

after(() => cluster?.remove());

async function document(): Promise<Record<string, unknown>> {
  return cluster.admin(first, '/admin/regions');
}

async function members(): Promise<readonly string[]> {
  return (await document())['members'] as readonly string[];
}

function status(): string {
  const entry = resolve(import.meta.dirname, '../../../services/cli/main.ts');
  const args = [entry, '--data', cluster.stateFolder, 'status'];
  return spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout;
}

let nextId = 1;
async function write(durability: string): Promise<string> {
  const params = [(nextId += 1)];
  const reply = await cluster.query(first, 'INSERT INTO note VALUES ($1)', { params, durability });
  if (reply.status !== 200) return reply.body.code ?? String(reply.status);
  return reply.headers.get('meridian-durability') ?? '';
}

/** How often the primary has read such a change of the members or of K. */
async function counted(change: string): Promise<number> {
  const reply = await cluster.listeners.fetch(`${cluster.origin(first, 'admin')}/metrics`, {
    headers: { authorization: `Bearer ${await cluster.token('admin:admin')}` },
  });
  const text = await reply.text();
  const found = new RegExp(`meridian_member_changes_total\\{change="${change}"\\} (\\d+)`).exec(
    text,
  );
  return Number(found?.[1]);
}

async function locked(region: string): Promise<PgClient> {
  const { bind, nodes } = cluster.region(region);
  const client = await connectPg({
    ...{ host: bind, port: nodes[0]?.port ?? 5432, database: cluster.config.database },
    ...{ user: 'meridian_owner', password: cluster.secrets(region).shared.postgres.owner },
    applicationName: 'test',
  });
  await client.query('BEGIN; LOCK TABLE note IN SHARE MODE');
  return client;
}

test('members that apply nothing: K goes down after a while, and up again by itself', async () => {
  await eventually(async () => (await document())['k'] === 1, long);
  assert.match(await write('semi-sync'), /^semi-sync; regions=[23]\/3$/);
  assert.equal(await write('sync'), 'sync; regions=3/3');
  // On a slow machine K may go down before the first members are there.
  const before = await counted('degraded');
  const locks = [await locked(second), await locked(third)];
  try {
    // It was under way when K went down: what it has reached is not what it asked for.
    assert.equal(await write('semi-sync'), 'logged; regions=1/3');
    assert.equal((await document())['k'], 0);
    assert.match(status(), /degraded: semi-sync waits for 0 regions instead of 1/);
    assert.equal(await write('semi-sync'), 'logged; regions=1/3');
  } finally {
    for (const lock of locks) await lock.end();
  }
  await eventually(async () => (await document())['k'] === 1, long);
  assert.match(await write('semi-sync'), /^semi-sync; regions=[23]\/3$/);
  assert.doesNotMatch(status(), /degraded/);
  assert.ok((await counted('degraded')) > before);
  assert.equal(await counted('restored'), await counted('degraded'));
});

test('a silent member is removed and comes back; sync waits for it all the while', async () => {
  await eventually(async () => (await members()).length === 2, long);
  const [added, removed] = [await counted('member added'), await counted('member removed')];
  await cluster.signal(third, 'meridian', 'SIGSTOP');
  let synced: string | null = null;
  let writing: Promise<void> = Promise.resolve();
  try {
    await eventually(async () => (await members()).length === 1, long);
    assert.match(status(), new RegExp(`${third} is no member`));
    assert.equal(await write('semi-sync'), 'semi-sync; regions=2/3');
    writing = write('sync').then((reply) => {
      synced = reply;
    });
    assert.equal(await write('semi-sync'), 'semi-sync; regions=2/3');
    assert.equal(synced, null);
  } finally {
    await cluster.signal(third, 'meridian', 'SIGCONT');
  }
  await eventually(async () => (await members()).length === 2, long);
  await writing;
  assert.match(String(synced), /^(sync; regions=3\/3|CommitOutcomeUnknown)$/);
  assert.equal(await write('sync'), 'sync; regions=3/3');
  assert.equal((await document())['epoch'], 1);
  assert.equal(await counted('member removed'), removed + 1);
  assert.equal(await counted('member added'), added + 1);
});
