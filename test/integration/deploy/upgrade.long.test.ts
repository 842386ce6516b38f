// test: alone deadline 600 s
/**
 * A rolling upgrade as the runbook says: three regions run the version before this one and are
 * stopped, exchanged and started one by one, the primary's last and after a switchover, while
 * clients write and read. Then one region goes back. Needs the version before in git's history.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { SecuredHosts } from '../security/hosts.ts';
import { statusOf } from './cluster-status.ts';
import { changesOf, exchange, isWhole } from './rolling-exchange.ts';
import { startLoad, type SteadyLoad } from './steady-load.ts';

/** What ran before this version; a release moves it on. */
const versionBefore = 'e885034';
const regions = ['eu-west', 'us-east', 'ap-south'];
const repositoryFolder = resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'meridian-before-'));
const older = join(folder, 'older');
const made = git('worktree', 'add', '--detach', older, versionBefore);
const skip = made.status === 0 ? false : `no ${versionBefore} in the history here`;
let hosts: SecuredHosts;
let load: SteadyLoad;

function git(...args: string[]): { readonly status: number | null } {
  return spawnSync('git', ['-C', repositoryFolder, ...args], { stdio: 'ignore' });
}

before(async () => {
  if (skip !== false) return;
  symlinkSync(join(repositoryFolder, 'node_modules'), join(older, 'node_modules'));
  hosts = await SecuredHosts.make(regions);
  for (const region of regions) hosts.up(region, older);
  await isWhole(hosts, regions);
  await hosts.query('eu-west', 'CREATE TABLE counter (id int PRIMARY KEY, n bigint)');
  load = startLoad(hosts, regions);
});

after(async () => {
  await load?.stop();
  await hosts?.remove();
  git('worktree', 'remove', '--force', older);
  rmSync(folder, { recursive: true, force: true });
});

function exchangeFor(region: string, programs: string): Promise<void> {
  return exchange(region, { hosts, regions, load, start: (id) => hosts.up(id, programs) });
}

test('regions that are not the primary are exchanged one by one', { skip }, async () => {
  for (const region of ['us-east', 'ap-south']) await exchangeFor(region, repositoryFolder);
  assert.equal((await statusOf(hosts, 'us-east'))?.primary, 'eu-west');
});

test('the primary moves to a new one, then the old one is exchanged', { skip }, async () => {
  const moved = await hosts.run('us-east', ['switchover', 'us-east', '--yes']);
  assert.equal(moved.code, 0, moved.err);
  await isWhole(hosts, regions);
  await exchangeFor('eu-west', repositoryFolder);
});

test("every region's database has what the new version brought", { skip }, async () => {
  const made = "SELECT to_regproc('meridian.capture_mended')::text AS made";
  for (const region of regions) {
    const { body } = await hosts.query(region, made, 'eventual');
    assert.deepEqual(
      (body as { rows: unknown }).rows,
      [{ made: 'meridian.capture_mended' }],
      region,
    );
  }
});

test('back to the version before goes the same way', { skip }, async () => {
  await exchangeFor('ap-south', older);
  await exchangeFor('ap-south', repositoryFolder);
});

test('no request failed, and no region was promoted but by the switchover', { skip }, async () => {
  assert.deepEqual(await load.stop(), []);
  assert.ok(load.served() > 500, `only ${load.served()} requests were made`);
  assert.ok(load.sessionsEnded() > 0, 'gateways took leave of the session of HTTP/2');
  const changes = await changesOf(hosts, 'us-east');
  assert.deepEqual(changes, ['switchover', 'failover'], 'the first epoch opens as a failover');
  const verified = await hosts.run('us-east', ['verify', '--table', 'counter']);
  assert.equal(verified.code, 0, verified.err);
});
