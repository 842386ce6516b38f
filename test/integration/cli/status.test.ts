/** Verbs that read: against real listeners, with some regions silent, and with none. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { localRegionPaths, clusterPaths } from '../../../services/local/region-paths.ts';
import { programVersion } from '../../../shared/config/program-version.ts';
import { loadClusterFile, loadSecrets } from '../../../shared/config/load.ts';
import { startAdminServer, type AdminServer } from './admin-server.ts';
import { createCliFolder, type CliFolder } from './cli-run.ts';

let place: CliFolder;
const servers: AdminServer[] = [];

async function serve(index: 0 | 1, facts: { epoch: number; primary: string | null }) {
  const config = loadClusterFile(clusterPaths(place.folder).clusterFile, clusterConfigSchema, {});
  const { secretsFile } = localRegionPaths(place.folder, 'eu-west');
  const keys = loadSecrets(secretsFile).shared.accessKeys;
  const host = place.binds[index];
  servers.push(await startAdminServer({ host, clusterId: config.clusterId, keys, ...facts }));
}

before(async () => {
  place = await createCliFolder();
});

after(async () => {
  await Promise.all(servers.map((server) => server.close()));
  await place.remove();
});

test('nothing runs: status says so and exits 1', async () => {
  const { code, out, err } = await place.run(['status']);
  assert.equal(code, 1);
  assert.equal(out, '');
  assert.match(err, /No region answers .*\n.*npm start/);
});

test('one region answers: the other is shown as unreachable', async () => {
  await serve(0, { epoch: 1, primary: 'eu-west' });
  const { code, out } = await place.run(['status', '--json']);
  assert.equal(code, 0);
  const status = JSON.parse(out) as {
    primary: string;
    members: string[];
    regions: { id: string; health: string; gatewayUrl: string; wireUrl: null; nodes: unknown[] }[];
  };
  assert.equal(status.primary, 'eu-west');
  assert.deepEqual(status.members, ['us-east']);
  assert.deepEqual(
    status.regions.map(({ id, health }) => [id, health]),
    [
      ['eu-west', 'healthy'],
      ['us-east', 'unreachable'],
    ],
  );
  assert.equal(status.regions[0]?.gatewayUrl, `http://${place.binds[0]}:7080`);
  assert.equal(status.regions[0]?.wireUrl, null);
  assert.equal(status.regions[0]?.nodes.length, 2);
});

test('upgrade plan: the order, the versions, and what is in the way', async () => {
  const { code, out } = await place.run(['upgrade', 'plan', '--json']);
  assert.equal(code, 1);
  const plan = JSON.parse(out) as {
    to: string;
    steps: { region: string; from: string | null }[];
    regions: { region: string; parts: { part: string; runs: string[] }[] }[];
    blockers: string[];
  };
  assert.equal(plan.to, programVersion);
  assert.deepEqual(
    plan.steps.map(({ region, from }) => [region, from]),
    [
      ['us-east', null],
      ['eu-west', '0.0.9'],
    ],
  );
  assert.deepEqual(
    plan.regions.map(({ region, parts }) => [region, ...parts.map(({ runs }) => runs)]),
    [
      ['us-east', [], [], []],
      ['eu-west', ['0.0.9'], ['18.0'], ['4.0.0']],
    ],
    'a region that does not say what it runs is let pass',
  );
  assert.match(plan.blockers.join('\n'), /us-east is unreachable/);
});

test('upgrade plan: a table in the order of the exchange', async () => {
  const { code, out } = await place.run(['upgrade', 'plan']);
  assert.equal(code, 1);
  const lines = out.split('\n');
  assert.match(lines[2] ?? '', /^STEP {2}REGION {3}MERIDIAN +POSTGRESQL +KAFKA +BEFORE$/);
  assert.match(lines[3] ?? '', /^1 {5}us-east {2}not known → .* not known +not known +-$/);
  assert.match(lines[4] ?? '', /^2 {5}eu-west {2}0\.0\.9 → .* 18\.0 → 18\.\d+ +4\.0\.0 → /);
  assert.match(lines[4] ?? '', /npx meridian switchover us-east$/);
  assert.match(out, /Not now:\n {2}us-east is unreachable/);
});

test('the newest epoch decides who is primary', async () => {
  await serve(1, { epoch: 2, primary: 'us-east' });
  const { out } = await place.run(['status']);
  assert.match(out, /us-east\* +primary +healthy +2 /);
  assert.match(out, /epoch 2 · primary us-east/);
});

test('without a terminal there is no colour', async () => {
  const { out } = await place.run(['status']);
  assert.ok(!out.includes('\u001b'));
});

test('an endpoint and a token instead of the local files', async () => {
  const token = (await place.run(['token', '--scope', 'admin:viewer'])).out.trim();
  const env = { MERIDIAN_DATA: '/nonexistent', MERIDIAN_TOKEN: token };
  const endpoint = `http://127.0.0.1:1,http://${place.binds[1]}:7081`;
  const { code, out } = await place.run(['status', '--json', '--endpoint', endpoint], env);
  assert.equal(code, 0);
  assert.equal((JSON.parse(out) as { primary: string }).primary, 'us-east');
});

test('a token without the scope is refused with the reason', async () => {
  const token = (await place.run(['token', '--scope', 'data:read'])).out.trim();
  const { code, err } = await place.run(['status'], { MERIDIAN_TOKEN: token });
  assert.equal(code, 1);
  assert.match(err, /Forbidden: .*\n.*admin:viewer/);
});

test('regions show: one region with its nodes; an unknown one is a usage error', async () => {
  const { out } = await place.run(['regions', 'show', 'us-east']);
  assert.match(out, /us-east\/pg-2 +standby +standby/);
  const { code, err } = await place.run(['regions', 'show', 'nowhere']);
  assert.equal(code, 2);
  assert.match(err, /Regions: eu-west, us-east/);
});

test('history: one line per epoch', async () => {
  const { code, out } = await place.run(['history']);
  assert.equal(code, 0);
  assert.match(out, /1 {2}2023-11-14T22:13:20Z {2}failover +- +eu-west +0:0\/0 +- +- +the first/);
});
