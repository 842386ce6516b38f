// test: alone deadline 600 s
/**
 * Four regions, three of them with a vote. A vote goes from one to the fourth, as the runbook says,
 * in mode tls and while clients write and read; afterwards a loss is borne that the old voters
 * alone would not have borne.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { SecuredHosts } from '../security/hosts.ts';
import { statusOf } from './cluster-status.ts';
import { startLoad, type SteadyLoad } from './steady-load.ts';

const regions = ['eu-west', 'us-east', 'ap-south', 'ca-central'];
const [giver, taker] = ['ap-south', 'ca-central'];
const waiting = { deadlineMs: 300_000, intervalMs: 1000 };
let hosts: SecuredHosts;
let load: SteadyLoad;

before(async () => {
  hosts = await SecuredHosts.make(regions);
  for (const region of regions) hosts.up(region);
  await isWhole(regions);
  await hosts.query('eu-west', 'CREATE TABLE counter (id int PRIMARY KEY, n bigint)');
  load = startLoad(hosts, regions);
});

after(async () => {
  await load?.stop();
  await hosts?.remove();
});

/** As each of `ids` sees it, they and nobody else are there, all but the primary members. */
async function isWhole(ids: readonly string[]): Promise<void> {
  await eventually(async () => {
    for (const id of ids) {
      const now = await statusOf(hosts, id).catch(() => null);
      const healthy = now?.regions.filter(({ health }) => health === 'healthy') ?? [];
      const isThere = now?.primary !== null && now?.members.length === ids.length - 1;
      if (!isThere || healthy.length !== ids.length) return false;
    }
    return true;
  }, waiting);
}

async function restart(id: string): Promise<void> {
  await hosts.down(id);
  hosts.up(id);
  await isWhole(regions);
}

/** What doctor on the host of `id` says of the quorum. */
async function quorumAt(id: string): Promise<string> {
  const { out } = await hosts.run(id, ['doctor', '--json']);
  const { findings } = JSON.parse(out) as { findings: { check: string; found: string }[] };
  return findings.find(({ check }) => check === 'kafka quorum')?.found ?? 'nothing';
}

const moveVote = ['region', 'move-vote', taker, '--from', giver];

test('a file in which the fourth region has the vote; nothing moves by the old one', async () => {
  const output = join(hosts.folder, 'moved');
  const gives = (to: string, from: string) =>
    hosts.run('eu-west', ['region', 'give-vote', to, '--from', from, '--output', output]);
  assert.equal((await gives('us-east', giver)).code, 2);
  const made = await gives(taker, giver);
  assert.equal(made.code, 0, made.err);
  assert.equal((await hosts.run('eu-west', moveVote)).code, 2);
  assert.match(await quorumAt('eu-west'), /^eu-west, us-east, ap-south;/);
});

test('its host starts with the file; while another voter is away no vote moves', async () => {
  hosts.bring(taker, 'moved');
  await restart(taker);
  await hosts.down('us-east');
  const refused = await eventually(async () => {
    const { code, err } = await hosts.run(taker, moveVote);
    return code === 3 ? err : null;
  }, waiting);
  assert.match(refused, /No vote is moved: us-east does not follow/);
  hosts.up('us-east');
  await isWhole(regions);
});

test('the vote and the copy of the control log move; moved again, it is done', async () => {
  const moved = await eventually(async () => {
    const result = await hosts.run(taker, moveVote);
    return result.code === 3 ? null : result;
  }, waiting);
  assert.equal(moved.code, 0, moved.err);
  assert.match(await quorumAt(taker), /^(?=.*eu-west)(?=.*us-east)(?=.*ca-central)(?!.*ap-south)/);
  assert.equal((await hosts.run(taker, moveVote)).code, 0);
  assert.ok(hosts.topics(taker).includes('meridian.main.control'));
});

test('the others take the file, the one that gave its vote by a restart', async () => {
  hosts.bring(giver, 'moved');
  await restart(giver);
  assert.ok(!hosts.topics(giver).includes('meridian.main.control'));
  const primary = (await statusOf(hosts, 'us-east'))?.primary ?? '';
  for (const region of ['eu-west', 'us-east'].filter((id) => id !== primary)) {
    hosts.bring(region, 'moved');
    const { code, err } = await hosts.run(region, ['region', 'reload', region]);
    assert.equal(code, 0, err);
    await isWhole(regions);
  }
});

test('no request failed, and no region was promoted', async () => {
  assert.deepEqual(await load.stop(), []);
  assert.ok(load.served() > 500, `only ${load.served()} requests were made`);
  const token = await hosts.token('admin:viewer');
  const { body } = await hosts.admin('us-east', '/admin/history', token);
  const changes = (body['items'] as { change: string }[]).map(({ change }) => change);
  assert.deepEqual(changes, ['failover'], 'the first epoch opens as a failover');
});

test('the new vote counts: without the giver and the primary, two voters decide', async () => {
  const primary = (await statusOf(hosts, taker))?.primary ?? '';
  await hosts.kill(giver);
  // What only a lost member may have confirmed could not be told from lost: it is left out first.
  await eventually(async () => {
    const members = (await statusOf(hosts, taker))?.members ?? [giver];
    return members.length > 0 && !members.includes(giver);
  }, waiting);
  await hosts.kill(primary);
  const written = await eventually(
    () =>
      hosts
        .query(taker, 'INSERT INTO counter VALUES (100, 1) ON CONFLICT DO NOTHING', 'strong')
        .catch(() => null),
    waiting,
  );
  assert.match(String(written.headers['meridian-durability']), /^semi-sync/);
});
