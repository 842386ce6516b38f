// test: alone deadline 600 s
/**
 * A fourth region comes to three that serve, with their data, and leaves again: as the runbook
 * says, in mode tls, while clients write and read without a failure.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { SecuredHosts } from '../security/hosts.ts';
import { statusOf } from './cluster-status.ts';
import { startLoad, type SteadyLoad } from './steady-load.ts';

const regions = ['eu-west', 'us-east', 'ap-south'];
const added = 'ca-central';
const rows = 50_000;
const waiting = { deadlineMs: 400_000, intervalMs: 1000 };
let hosts: SecuredHosts;
let load: SteadyLoad;

before(async () => {
  hosts = await SecuredHosts.make(regions);
  for (const region of regions) hosts.up(region);
  await isWhole(regions, 2);
  await hosts.query('eu-west', 'CREATE TABLE counter (id int PRIMARY KEY, n bigint)');
  await hosts.query('eu-west', 'CREATE TABLE item (id int PRIMARY KEY, body text)');
  const fill = `INSERT INTO item SELECT i, md5(i::text) FROM generate_series(1, ${rows}) i`;
  await hosts.query('eu-west', fill);
  load = startLoad(hosts, regions);
});

after(async () => {
  await load?.stop();
  await hosts?.remove();
});

/** Every region in `ids` healthy, with so many members beside the primary. */
async function isWhole(ids: readonly string[], members: number): Promise<void> {
  await eventually(async () => {
    const now = await statusOf(hosts, 'us-east').catch(() => null);
    const healthy = now?.regions.filter(({ health }) => health === 'healthy') ?? [];
    return (
      now?.primary !== null && now?.members.length === members && healthy.length === ids.length
    );
  }, waiting);
}

async function run(id: string, ...args: string[]): Promise<void> {
  const { code, err } = await hosts.run(id, args);
  assert.equal(code, 0, err);
}

/** The new cluster file to every host, the primary's last and after a switchover. */
async function reloadAll(made: string): Promise<void> {
  const primary = (await statusOf(hosts, 'us-east'))?.primary ?? '';
  const others = regions.filter((id) => id !== primary);
  for (const region of others) {
    hosts.bring(region, made);
    await run(region, 'region', 'reload', region);
    await isWhole(regions, 2);
  }
  await run(primary, 'switchover', others[0] ?? '', '--yes');
  await isWhole(regions, 2);
  hosts.bring(primary, made);
  await run(primary, 'region', 'reload', primary);
  await isWhole(regions, 2);
}

test('files for one more region; the others take the new cluster file one by one', async () => {
  const address = (hosts.config.regions[0]?.bind ?? '').replace(/\d+$/, '9');
  const authority = join(hosts.folder, 'cluster/authority');
  const output = join(hosts.folder, 'added');
  const place = `${added}=${address}`;
  await run('eu-west', 'region', 'add', place, '--authority', authority, '--output', output);
  await reloadAll('added');
});

test('the new region is seeded and follows; it is no member before it is admitted', async () => {
  hosts.bring(added, 'added');
  hosts.know('added');
  hosts.up(added);
  await eventually(async () => {
    const count = 'SELECT count(*)::int AS n FROM item';
    const reply = await hosts.query(added, count, 'eventual').catch(() => null);
    return (reply?.body as { rows: { n: number }[] } | undefined)?.rows[0]?.n === rows;
  }, waiting);
  assert.equal((await statusOf(hosts, 'us-east'))?.members.includes(added), false);
  await run('eu-west', 'region', 'admit', added);
  await eventually(
    async () => (await statusOf(hosts, 'us-east'))?.members.includes(added),
    waiting,
  );
});

test('it is a region as the others: equal rows, sync writes, the primary for a while', async () => {
  await run('eu-west', 'verify', '--table', 'item');
  const before = (await statusOf(hosts, 'us-east'))?.primary ?? '';
  await run('eu-west', 'switchover', added, '--yes');
  const written = await hosts.query(added, `INSERT INTO item VALUES (0, 'from ${added}')`);
  assert.equal(written.headers['meridian-region'], added);
  await isWhole([...regions, added], 3);
  await run('eu-west', 'switchover', before, '--yes');
  await isWhole([...regions, added], 3);
});

test('it is stopped, taken out and forgotten; nobody waits for it', async () => {
  const refused = await hosts.run('eu-west', [
    'region',
    'remove',
    added,
    '--output',
    join(hosts.folder, 'refused'),
    '--yes',
  ]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /is a member/);
  await hosts.down(added);
  await eventually(
    async () => (await statusOf(hosts, 'us-east'))?.members.includes(added) === false,
    waiting,
  );
  const output = join(hosts.folder, 'removed');
  await run('eu-west', 'region', 'remove', added, '--output', output, '--yes');
  await reloadAll('removed');
  hosts.know('removed');
  const now = await statusOf(hosts, 'us-east');
  assert.deepEqual(now?.regions.map(({ id }) => id).toSorted(), regions.toSorted());
  const audit = await hosts.admin('ap-south', '/admin/audit', await hosts.token('admin:viewer'));
  const verbs = (audit.body['items'] as { verb: string }[]).map(({ verb }) => verb);
  assert.ok(verbs.includes('add-region') && verbs.includes('remove-region'));
});

test('no request failed all the while, and none was lost or doubled', async () => {
  const failed = await load.stop();
  assert.deepEqual(failed, []);
  assert.ok(load.served() > 500, `only ${load.served()} requests were made`);
});
