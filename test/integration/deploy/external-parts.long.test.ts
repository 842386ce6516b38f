// test: alone deadline 300 s
/**
 * Two regions and a witness in mode tls; one region uses a Redis that somebody else runs: the agent
 * starts none, its gateway counts there, and its loss degrades the region and no more.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Agent, request } from 'undici';
import { parse, stringify } from 'yaml';
import { startExternalRedis, type ExternalRedis } from './external-redis.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startHttpUpstream, type HttpUpstream } from '../../helpers/http-upstream.ts';
import { SecuredHosts } from '../security/hosts.ts';
import { statusOf } from './cluster-status.ts';

const regions = ['eu-west', 'us-east'];
const guest = 'us-east';
const waiting = { deadlineMs: 150_000, intervalMs: 1000 };
let hosts: SecuredHosts;
let redis: ExternalRedis;
let upstream: HttpUpstream;

before(async () => {
  hosts = await SecuredHosts.make(regions, { witness: 'third' });
  upstream = await startHttpUpstream((_, reply) => reply.end());
  const folder = join(hosts.folder, 'redis');
  mkdirSync(folder);
  redis = await startExternalRedis({ host: hosts.region(guest).bind, port: 6390 }, folder);
  for (const host of [...regions, 'third']) changeFile(hosts.fileOf(host, 'meridian.yaml'));
  const secretsFile = hosts.fileOf(guest, 'secrets.yaml');
  const secrets = parse(readFileSync(secretsFile, 'utf8')) as { own: object };
  Object.assign(secrets.own, { external: redis.secrets });
  writeFileSync(secretsFile, stringify(secrets));
});

after(async () => {
  redis?.client.disconnect();
  await redis?.stop();
  await upstream?.close();
  await hosts?.remove();
});

function changeFile(file: string): void {
  const cluster = parse(readFileSync(file, 'utf8')) as {
    regions: { id: string; redis: object }[];
    gateway: object;
  };
  for (const region of cluster.regions) if (region.id === guest) region.redis = redis.section;
  Object.assign(cluster.gateway, {
    groups: { shop: { targets: [{ url: upstream.origin }] } },
    routes: [{ id: 'shop', group: 'shop', rateLimit: { perSecond: 50, burst: 50 } }],
  });
  writeFileSync(file, stringify(cluster));
}

async function doctor(): Promise<string> {
  return (await hosts.run(guest, ['doctor'])).out;
}

async function status(): Promise<string> {
  return (await hosts.run(guest, ['status'])).out;
}

/** One request through the gateway of the region to the upstream. */
async function visit(): Promise<number> {
  const { bind, listeners } = hosts.region(guest);
  const ca = hosts.secrets(guest).shared.authority ?? '';
  const agent = new Agent({ connect: { ca } });
  try {
    const origin = `https://${bind}:${String(listeners.public)}/`;
    const { statusCode, body } = await request(origin, { dispatcher: agent });
    await body.dump();
    return statusCode;
  } finally {
    await agent.destroy();
  }
}

test('before the start doctor finds it fit', async () => {
  assert.match(await doctor(), /^ok +redis +127\.\S+:6390, not started here, answers in/m);
});

test('the region starts without a Redis of its own; status names the other', async () => {
  for (const host of [...regions, 'third']) hosts.up(host);
  await eventually(async () => {
    const now = await statusOf(hosts, guest);
    const isHealthy = now?.regions.every(({ health }) => health === 'healthy') === true;
    return isHealthy && now.members.length === 1;
  }, waiting);
  assert.doesNotMatch(hosts.talk(guest), /redis/);
  assert.match(hosts.talk('eu-west'), /redis/);
  await eventually(
    async () =>
      /us-east: redis is 127\S+:6390, not started by Mer.*: answered/.test(await status()),
    waiting,
  );
  await eventually(async () => /^ok +redis privileges/m.test(await doctor()), waiting);
});

test('its gateway counts there, below keys of this cluster and region', async () => {
  await eventually(async () => (await visit()) === 200, waiting);
  const keys = await eventually(async () => {
    const found = await redis.client.keys('*limit*');
    return found.length > 0 ? found : null;
  });
  const prefix = `meridian:${hosts.config.clusterId}:${guest}:`;
  assert.deepEqual(
    keys.filter((key) => !key.startsWith(prefix)),
    [],
  );
});

test('without it requests go on and status says so; it is used again when back', async () => {
  await redis.stop();
  await eventually(async () => /6390, not started by .*not answer/.test(await status()), waiting);
  assert.equal(await visit(), 200);
  assert.match(await doctor(), /^failed +redis +does not answer.*Fix: check regions/m);
  await redis.start();
  await eventually(async () => /6390, not started by .*: answered/.test(await status()), waiting);
});
