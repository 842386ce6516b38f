// test: light
/** `meridian doctor` and `config check` of a region whose Redis somebody else runs. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { describeFindings } from '../../../services/cli/core/doctor/finding.ts';
import { checkRedis } from '../../../services/cli/io/doctor/redis-checks.ts';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { clusterPaths, localRegionPaths } from '../../../services/local/region-paths.ts';
import { loadClusterFile, loadSecrets } from '../../../shared/config/load.ts';
import { startExternalRedis, type ExternalRedis } from '../deploy/external-redis.ts';
import { createCliFolder, type CliFolder } from './cli-run.ts';

let cli: CliFolder;
let redis: ExternalRedis;

before(async () => {
  cli = await createCliFolder();
  const folder = join(cli.folder, 'external');
  mkdirSync(folder);
  redis = await startExternalRedis({ host: cli.binds[0], port: 6390 }, folder);
});

after(async () => {
  redis?.client.disconnect();
  await redis?.stop();
  await cli?.remove();
});

function change(file: string, by: (document: Record<string, unknown>) => void): void {
  const document = parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  by(document);
  writeFileSync(file, stringify(document));
}

/** The sections `redis` of the regions, in order. */
function setRedis(...sections: readonly object[]): void {
  change(clusterPaths(cli.folder).clusterFile, (cluster) => {
    const regions = cluster['regions'] as { redis: object }[];
    for (const [index, redis] of sections.entries()) Object.assign(regions[index] ?? {}, { redis });
  });
}

function setPassword(redisPassword: string): void {
  change(localRegionPaths(cli.folder, 'eu-west').secretsFile, ({ own }) => {
    Object.assign(own as object, { external: { redisPassword } });
  });
}

/** What doctor says of the Redis that the files name, one line each. */
async function said(): Promise<string> {
  const { clusterFile } = clusterPaths(cli.folder);
  const cluster = loadClusterFile(clusterFile, clusterConfigSchema, {});
  const secrets = loadSecrets(localRegionPaths(cli.folder, 'eu-west').secretsFile);
  const [region] = cluster.regions;
  assert.ok(region !== undefined);
  return describeFindings(await checkRedis({ cluster, region, secrets }));
}

test('before the start each of its checks has a line', async () => {
  setRedis(redis.section);
  setPassword(redis.secrets.redisPassword);
  const { code, out } = await cli.run(['doctor', 'eu-west']);
  assert.equal(code, 0, out);
  assert.match(out, /^skipped +parts/m);
  assert.match(out, /^ok +redis +127\.\S+:6390, not started here, answers in/m);
  for (const check of ['version', 'settings', 'privileges']) {
    assert.match(out, new RegExp(`^ok +redis ${check} `, 'm'));
  }
});

test('a missing privilege, a wrong password, a foreign authority are told apart', async () => {
  await redis.client.call('ACL', 'SETUSER', 'shop', '-eval');
  assert.match(await said(), /EVAL refused: NOPERM.*Fix: ACL SETUSER shop ~meridian:/);
  await redis.client.call('ACL', 'SETUSER', 'shop', '+eval');
  setPassword('another');
  assert.match(await said(), /^failed +redis +does not answer: WRONGPASS/m);
  setPassword(redis.secrets.redisPassword);
  const section = structuredClone(redis.section) as { external: Record<string, unknown> };
  delete section.external['authority'];
  setRedis(section);
  assert.match(await said(), /^failed +redis .*(self[- ]signed certificate|unable to verify)/m);
});

test('config check explains what is not allowed', async () => {
  const host = 'redis.example';
  setRedis(
    { port: 6379, external: { host, password: 'x' } },
    { port: 6379, external: { host, tls: false } },
  );
  const { code, out, err } = await cli.run(['config', 'check']);
  assert.notEqual(code, 0);
  assert.match(`${out}${err}`, /regions\.0\.redis\.external .*password/);
  assert.match(`${out}${err}`, /regions\.1\.redis\.external\.tls .*must be on this machine/);
});
