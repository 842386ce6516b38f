// test: alone deadline 300 s
/**
 * Three regions as `meridian init` writes them, mode tls: every link between processes shows a
 * certificate of the cluster's own authority. They come up in any order, replicate, switch over.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { SecuredHosts } from './hosts.ts';

const regions = ['eu-west', 'us-east', 'ap-south'] as const;
let hosts: SecuredHosts;

before(async () => {
  hosts = await SecuredHosts.make(regions);
});

after(async () => {
  await hosts?.remove();
});

interface Status {
  readonly primary: string | null;
  readonly members: readonly string[];
  readonly regions: readonly { readonly health: string }[];
}

async function status(region: string): Promise<Status | null> {
  const { code, out } = await hosts.run(region, ['status', '--json']);
  return code === 0 ? (JSON.parse(out) as Status) : null;
}

async function bodyIn(region: string): Promise<unknown> {
  const { body } = await hosts.query(region, 'SELECT body FROM note', 'eventual');
  return (body as { rows: { body: unknown }[] }).rows[0]?.body;
}

test('each started by itself, in any order, the regions become one cluster', async () => {
  for (const region of regions.toReversed()) hosts.up(region);
  const found = await eventually(
    async () => {
      const now = await status('eu-west');
      const isWhole = now?.members.length === 2 && now.regions.every((r) => r.health === 'healthy');
      return isWhole && now.primary !== null ? now : null;
    },
    { deadlineMs: 150_000, intervalMs: 1000 },
  );
  assert.equal(found.primary, 'eu-west');
});

test('a write is confirmed by another region and read in all of them', async () => {
  await hosts.query('us-east', 'CREATE TABLE note (id int PRIMARY KEY, body text)');
  const written = await hosts.query('ap-south', `INSERT INTO note VALUES (1, 'secured')`);
  assert.match(String(written.headers['meridian-durability']), /^semi-sync; regions=[23]\/3/);
  for (const region of regions) {
    await eventually(async () => (await bodyIn(region)) === 'secured');
  }
});

test('a switchover moves the primary; writes go on', async () => {
  const moved = await hosts.run('ap-south', ['switchover', 'us-east', '--yes']);
  assert.equal(moved.code, 0, moved.err);
  await hosts.query('eu-west', `UPDATE note SET body = 'moved'`);
  for (const region of regions) {
    await eventually(async () => (await bodyIn(region)) === 'moved');
  }
});
