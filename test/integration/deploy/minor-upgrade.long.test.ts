// test: alone deadline 600 s
/**
 * Minor versions of PostgreSQL and Kafka, exchanged as the runbook says: three regions that began
 * with older ones go over one by one, the primary's last and after a switchover, while clients
 * write and read; then Kafka's metadata.version is raised.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { olderKafka, olderPostgres } from '../../../infra/scripts/older-parts.mjs';
import { locateParts } from '../../../infra/scripts/parts.mjs';
import { kafkaVersion, postgresVersion } from '../../../services/local/programs.ts';
import { quorumTarget } from '../../../shared/kafka/quorum-target.ts';
import { readMetadataVersion } from '../../../shared/kafka/quorum.ts';
import { installHostResolver } from '../../../shared/runtime/host-resolver.ts';
import { SecuredHosts } from '../security/hosts.ts';
import { statusOf } from './cluster-status.ts';
import { changesOf, exchange, isWhole } from './rolling-exchange.ts';
import { startLoad, type SteadyLoad } from './steady-load.ts';

const regions = ['eu-west', 'us-east', 'ap-south'];
const repositoryFolder = resolve(import.meta.dirname, '../../..');
const older = { MERIDIAN_PART_POSTGRES: olderPostgres('18.1'), MERIDIAN_PART_KAFKA: olderKafka() };
const [oldPostgres, oldKafka] = ['18.1', '4.0.2'];
const { postgresHome, kafkaClasspathFolder } = locateParts();
const newPostgres = postgresVersion(postgresHome) ?? '';
const newKafka = kafkaVersion(kafkaClasspathFolder) ?? '';
let hosts: SecuredHosts;
let load: SteadyLoad;

before(async () => {
  hosts = await SecuredHosts.make(regions);
  installHostResolver(hosts.config.hosts);
  for (const region of regions) hosts.up(region, repositoryFolder, older);
  await isWhole(hosts, regions);
  await hosts.query('eu-west', 'CREATE TABLE counter (id int PRIMARY KEY, n bigint)');
  load = startLoad(hosts, regions);
});

after(async () => {
  await load?.stop();
  await hosts?.remove();
});

/** The steps of a host between stop and start, then those steps for the whole region. */
async function exchangeFor(region: string): Promise<void> {
  const prepare = join(repositoryFolder, 'infra/scripts/prepare.mjs');
  const prepared = spawnSync(process.execPath, [prepare, '--for', 'start'], { encoding: 'utf8' });
  assert.equal(prepared.status, 0, prepared.stderr);
  await exchange(region, { hosts, regions, load, start: (id) => hosts.up(id) });
}

interface Plan {
  readonly steps: readonly { readonly region: string; readonly parts: readonly string[] }[];
  readonly blockers: readonly string[];
}

/** `upgrade plan` on the host of us-east. */
async function plan(): Promise<Plan> {
  const planned = await hosts.run('us-east', ['upgrade', 'plan', '--json']);
  assert.equal(planned.code, 0, planned.out + planned.err);
  return JSON.parse(planned.out) as Plan;
}

async function serverVersion(region: string): Promise<string> {
  const sql = `SELECT current_setting('server_version') AS version`;
  const { body } = await hosts.query(region, sql, 'eventual');
  return (body as { rows: { version: string }[] }).rows[0]?.version ?? '';
}

/** What each broker says of metadata.version: in force, and its newest. */
async function metadataVersions(): Promise<readonly (readonly [number, number])[]> {
  const versions = regions.map(async (id) => {
    const place = { region: hosts.region(id), secrets: hosts.secrets(id) };
    const { inForce, newest } = await readMetadataVersion(quorumTarget(place, 'test'));
    return [inForce, newest] as const;
  });
  return Promise.all(versions);
}

test('every region begins with the older parts, and the plan says so', async () => {
  for (const region of regions) assert.equal(await serverVersion(region), oldPostgres, region);
  const { steps, blockers } = await plan();
  assert.deepEqual(blockers, []);
  assert.deepEqual(
    steps.map(({ region, parts }) => [region, parts]),
    ['us-east', 'ap-south', 'eu-west'].map((id) => [id, ['postgres', 'kafka']]),
  );
  const shown = await hosts.run('us-east', ['upgrade', 'plan']);
  assert.ok(shown.out.includes(`${oldPostgres} → ${newPostgres}`), shown.out);
  assert.ok(shown.out.includes(`${oldKafka} → ${newKafka}`), shown.out);
});

test('regions that are not the primary are exchanged one by one', async () => {
  await exchangeFor('us-east');
  const early = await hosts.run('us-east', ['upgrade', 'finish', '--yes']);
  assert.equal(early.code, 3, early.out);
  assert.match(early.err, /eu-west, ap-south has an older Kafka than the others/);
  await exchangeFor('ap-south');
  assert.equal((await statusOf(hosts, 'us-east'))?.primary, 'eu-west');
});

test('the primary moves to an upgraded region, then the old one is exchanged', async () => {
  const moved = await hosts.run('us-east', ['switchover', 'us-east', '--yes']);
  assert.equal(moved.code, 0, moved.err);
  await isWhole(hosts, regions);
  await exchangeFor('eu-west');
  for (const region of regions) assert.equal(await serverVersion(region), newPostgres, region);
  assert.deepEqual((await plan()).steps, []);
});

test('metadata.version is raised once every region is exchanged', async () => {
  const [[old, newest] = [0, 0]] = await metadataVersions();
  assert.ok(old < newest, `${String(old)} and ${String(newest)}`);
  const asked = await hosts.run('us-east', ['upgrade', 'finish']);
  assert.equal(asked.code, 3, 'nobody is here to confirm it');
  assert.deepEqual(
    await metadataVersions(),
    regions.map(() => [old, newest]),
  );
  const finished = await hosts.run('us-east', ['upgrade', 'finish', '--yes']);
  assert.equal(finished.code, 0, finished.err);
  assert.deepEqual(
    await metadataVersions(),
    regions.map(() => [newest, newest]),
  );
  const again = await hosts.run('us-east', ['upgrade', 'finish']);
  assert.equal(again.code, 0, again.err);
});

test('a region starts again with the raised version', async () => {
  await exchangeFor('ap-south');
});

test('no request failed, and no region was promoted but by the switchover', async (t) => {
  assert.deepEqual(await load.stop(), []);
  t.diagnostic(`${load.served()} requests, turned away ${JSON.stringify([...load.moved])}`);
  assert.ok(load.served() > 500, `only ${load.served()} requests were made`);
  const changes = await changesOf(hosts, 'us-east');
  assert.deepEqual(changes, ['switchover', 'failover'], 'the first epoch opens as a failover');
  const verified = await hosts.run('us-east', ['verify']);
  assert.equal(verified.code, 0, verified.err);
});
