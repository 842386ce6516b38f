/** Verbs that work on files alone: config, token, url, logs, completion; nothing runs. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { localRegionPaths, clusterPaths } from '../../../services/local/region-paths.ts';
import { verifyAccessToken } from '../../../shared/auth/access-token.ts';
import { loadClusterFile, loadSecrets } from '../../../shared/config/load.ts';
import { prepareOnce } from '../../../services/cli/io/prepare-once.ts';
import { createCliFolder, runCli, type CliFolder } from './cli-run.ts';

let place: CliFolder;

before(async () => {
  place = await createCliFolder();
});
after(async () => place.remove());

function secretsOf(region: string) {
  return loadSecrets(localRegionPaths(place.folder, region).secretsFile);
}

test('no cluster was ever made: a sentence and what to do, exit 1', async () => {
  for (const verb of [
    ['status'],
    ['url', 'eu-west'],
    ['down'],
    ['token', '--scope', 'data:read'],
  ]) {
    const { code, err } = await runCli(verb, { MERIDIAN_DATA: '/nonexistent' });
    assert.equal(code, 1, verb.join(' '));
    assert.match(err, /There is no cluster here yet\.\n.*npm start/);
  }
});

test('wrong words exit 2; help exits 0 and documents the exit codes', async () => {
  assert.equal((await place.run(['statsu'])).code, 2);
  assert.equal((await place.run(['token'])).code, 2);
  assert.equal((await place.run(['url', 'mars'])).code, 2);
  const { code, out } = await place.run(['--help']);
  assert.equal(code, 0);
  assert.match(out, /3 {2}refused by a safety rule/);
});

test('token: issuer, scope, role and life as asked', async () => {
  const { out } = await place.run([
    'token',
    '--scope',
    'data:write',
    '--role',
    'shop',
    '--ttl',
    '5m',
  ]);
  const { clusterId } = loadClusterFile(
    clusterPaths(place.folder).clusterFile,
    clusterConfigSchema,
    {},
  );
  const claims = await verifyAccessToken(
    out.trim(),
    clusterId,
    secretsOf('us-east').shared.accessKeys,
  );
  assert.deepEqual([claims.scopes, claims.role], [['data:write'], 'shop']);
  const { exp = 0, iat = 0 } = claims.claims;
  assert.equal(exp - iat, 300);
  assert.equal((await place.run(['token', '--scope', 'data:everything'])).code, 2);
});

test('url: gateway, admin, a node with credentials; --wire says there is none', async () => {
  const [bind] = place.binds;
  assert.equal((await place.run(['url', 'eu-west'])).out, `http://${bind}:7080\n`);
  assert.equal((await place.run(['url', 'eu-west', '--admin'])).out, `http://${bind}:7081\n`);
  const node = await place.run(['url', 'eu-west', '--node', 'eu-west/pg-2']);
  const { app } = secretsOf('eu-west').shared.postgres;
  assert.equal(node.out, `postgresql://app:${app}@${bind}:5433/app\n`);
  const wire = await place.run(['url', 'eu-west', '--wire']);
  assert.deepEqual([wire.code, wire.out], [2, '']);
  assert.match(wire.err, /no PostgreSQL wire front end yet/);
  assert.equal((await place.run(['url', 'eu-west', '--node', 'pg-9'])).code, 2);
});

test('config check and show: valid, and no secret is printed', async () => {
  const check = await place.run(['config', 'check']);
  assert.equal(check.code, 0);
  assert.match(check.out, /meridian\.yaml: valid, 2 regions/);
  const { out } = await place.run(['config', 'show', 'eu-west']);
  assert.match(out, /leaseTtlMs: 6500/);
  assert.match(out, /app: \(hidden\)/);
  const { shared, own } = secretsOf('eu-west');
  const secrets = [...Object.values(shared.postgres), own.redisPassword, own.agentToken];
  for (const secret of [...secrets, ...Object.values(shared.peerKeys.keys)]) {
    assert.ok(!out.includes(secret));
  }
});

test('config check: an unknown key is named with its line', async () => {
  const text = await readFile(clusterPaths(place.folder).clusterFile, 'utf8');
  const file = join(place.folder, 'broken.yaml');
  await writeFile(file, text.replace('cell: main', 'cell: main\nspeed: 9'));
  const { code, err } = await place.run(['config', 'check', file]);
  assert.equal(code, 1);
  assert.match(err, /ConfigInvalid: .*broken\.yaml is not valid/);
  assert.match(err, /speed/);
});

test('logs: the last lines of each process, by region and process', async () => {
  const { logsFolder } = localRegionPaths(place.folder, 'eu-west');
  await mkdir(logsFolder, { recursive: true });
  await writeFile(join(logsFolder, 'kafka.log'), 'one\ntwo\nthree\n');
  await appendFile(join(logsFolder, 'meridian.log'), 'four\n');
  const { out } = await place.run(['logs', '--lines', '2']);
  assert.equal(out, 'eu-west/kafka  two\neu-west/kafka  three\neu-west/meridian  four\n');
  const chosen = await place.run(['logs', 'eu-west', '--process', 'meridian', '--json']);
  assert.deepEqual(JSON.parse(chosen.out), { source: 'eu-west/meridian', line: 'four' });
  assert.equal((await place.run(['logs', 'us-east'])).code, 1);
});

test('completion is made for three shells', async () => {
  assert.match((await place.run(['completion', 'bash'])).out, /complete .* meridian/);
  assert.match((await place.run(['completion', 'fish'])).out, /-a switchover/);
  assert.equal((await place.run(['completion', 'tcsh'])).code, 2);
});

test('wan: a cluster started without --wan has none', async () => {
  const { code, err } = await place.run(['wan', 'show']);
  assert.equal(code, 1);
  assert.match(err, /npm start -- --wan/);
});

test('down with nothing running is no failure', async () => {
  const { code, out } = await place.run(['down', '--json']);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), { stopped: [] });
});

test('region settings: what containers of Kafka and Redis read', async () => {
  const out = join(place.folder, 'settings');
  const { code, err } = await place.run(['region', 'settings', 'us-east', '--out', out]);
  assert.equal(code, 0, err);
  const kafka = await readFile(join(out, 'kafka.properties'), 'utf8');
  assert.match(kafka, /^broker\.rack=us-east$/m);
  assert.match(kafka, /^log\.dirs=\/var\/lib\/kafka\/data$/m);
  const env = await readFile(join(out, 'kafka.env'), 'utf8');
  assert.match(env, /--initial-controllers 1@eu-west\.meridian\.internal:9094:/);
  const redis = await readFile(join(out, 'redis.conf'), 'utf8');
  assert.ok(redis.includes(secretsOf('us-east').own.redisPassword));
});

test('files of a cluster are made once, whoever else makes them at the same time', async () => {
  const folder = join(place.folder, 'made-at-once');
  await mkdir(folder);
  // Left behind by a process that died: no process has this number.
  await writeFile(join(folder, 'making.lock'), '4194304');
  await Promise.all([1, 2, 3].map(async () => prepareOnce(folder)));
  const keys = ['eu-west', 'us-east', 'ap-south'].map(
    (id) => loadSecrets(localRegionPaths(folder, id).secretsFile).shared.peerKeys,
  );
  assert.deepEqual(keys[1], keys[0]);
  assert.deepEqual(keys[2], keys[0]);
});
