// test: alone deadline 600 s
/**
 * The host of a region is gone with its disk. A new machine with the same files and an empty data
 * folder takes its place, as the runbook says; afterwards another region may be lost.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { SecuredHosts } from '../security/hosts.ts';
import { statusOf } from './cluster-status.ts';

const regions = ['eu-west', 'us-east', 'ap-south'];
const waiting = { deadlineMs: 300_000, intervalMs: 1000 };
let hosts: SecuredHosts;

before(async () => {
  hosts = await SecuredHosts.make(regions);
  for (const region of regions) hosts.up(region);
  await isWhole('us-east');
  await hosts.query('us-east', 'CREATE TABLE item (id int PRIMARY KEY, body text)');
  const fill = 'INSERT INTO item SELECT i, md5(i::text) FROM generate_series(1, 10000) i';
  await hosts.query('us-east', fill);
});

after(async () => {
  await hosts?.remove();
});

/** As seen from `region`: everything healthy, two members. */
async function isWhole(region: string): Promise<void> {
  await eventually(async () => {
    const now = await statusOf(hosts, region).catch(() => null);
    const isHealthy = now?.regions.every(({ health }) => health === 'healthy') === true;
    return now?.primary !== null && now?.members.length === 2 && isHealthy;
  }, waiting);
}

async function countIn(region: string, consistency: string): Promise<unknown> {
  const { body } = await hosts.query(region, 'SELECT count(*)::int AS n FROM item', consistency);
  return (body as { rows: { n: unknown }[] }).rows[0]?.n;
}

test('the primary’s host is lost with its disk; another region takes over', async () => {
  await hosts.kill('eu-west');
  hosts.wipe('eu-west');
  await eventually(async () => {
    const now = await statusOf(hosts, 'ap-south').catch(() => null);
    return now !== null && now.primary !== null && now.primary !== 'eu-west';
  }, waiting);
  await eventually(
    async () => (await countIn('ap-south', 'strong').catch(() => null)) === 10_000,
    waiting,
  );
});

test('a new host with the same files and an empty folder becomes the region again', async () => {
  hosts.up('eu-west');
  await isWhole('us-east');
  assert.equal(await countIn('eu-west', 'eventual'), 10_000);
  assert.ok(hosts.topics('eu-west').includes('meridian.main.control'));
  const { code, err } = await hosts.run('us-east', ['verify', '--table', 'item']);
  assert.equal(code, 0, err);
});

test('its vote counts: the region that took over may be lost next', async () => {
  const primary = (await statusOf(hosts, 'us-east'))?.primary ?? '';
  const other = regions.find((id) => id !== primary && id !== 'eu-west') ?? '';
  await hosts.kill(primary);
  await eventually(async () => {
    const now = await statusOf(hosts, other).catch(() => null);
    return now !== null && now.primary !== null && now.primary !== primary;
  }, waiting);
  await eventually(
    async () => (await countIn(other, 'strong').catch(() => null)) === 10_000,
    waiting,
  );
  await hosts.query('eu-west', `INSERT INTO item VALUES (0, 'replaced')`);
});
