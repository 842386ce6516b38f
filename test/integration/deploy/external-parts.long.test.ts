// test: alone deadline 420 s
/**
 * Two regions in mode tls on three Kafka brokers that somebody else runs; one region uses a Redis
 * of somebody else's too. The agents start neither, the control log is spread as it must be, writes
 * are confirmed, and the loss of Redis degrades the region and no more.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Agent, request } from 'undici';
import { parse, stringify } from 'yaml';
import { startExternalKafka, type ExternalKafka } from './external-kafka.ts';
import { startExternalRedis, type ExternalRedis } from './external-redis.ts';
import { kafkaPlaces } from '../../../shared/config/cluster-schema.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startHttpUpstream, type HttpUpstream } from '../../helpers/http-upstream.ts';
import { SecuredHosts } from '../security/hosts.ts';
import { statusOf } from './cluster-status.ts';

const regions = ['eu-west', 'us-east'];
const guest = 'us-east';
const waiting = { deadlineMs: 150_000, intervalMs: 1000 };
let hosts: SecuredHosts;
let redis: ExternalRedis;
let kafka: ExternalKafka;
let upstream: HttpUpstream;

before(async () => {
  hosts = await SecuredHosts.make(regions, { witness: 'third' });
  upstream = await startHttpUpstream((_, reply) => reply.end());
  const folder = join(hosts.folder, 'redis');
  mkdirSync(folder);
  redis = await startExternalRedis({ host: hosts.region(guest).bind, port: 6390 }, folder);
  const brokers = kafkaPlaces(hosts.config).map(({ id, bind: host, kafka: { nodeId } }) => ({
    ...{ nodeId, rack: id, host },
  }));
  kafka = await startExternalKafka(brokers, join(hosts.folder, 'kafka'));
  for (const host of regions) {
    changeFile(hosts.fileOf(host, 'meridian.yaml'));
    const secretsFile = hosts.fileOf(host, 'secrets.yaml');
    const secrets = parse(readFileSync(secretsFile, 'utf8')) as { own: object };
    Object.assign(secrets.own, { external: { ...kafka.secrets, ...redis.secrets } });
    writeFileSync(secretsFile, stringify(secrets));
  }
});

after(async () => {
  redis?.client.disconnect();
  await redis?.stop();
  await upstream?.close();
  await Promise.all(regions.map((id) => hosts?.down(id)));
  await kafka?.stop();
  await hosts?.remove();
});

interface Place {
  readonly id: string;
  redis: object;
  bind: string;
  kafka: { nodeId: number; isVoter: boolean; host?: string; clientPort: number };
}

function changeFile(file: string): void {
  const cluster = parse(readFileSync(file, 'utf8')) as {
    regions: Place[];
    witnesses: Place[];
    kafka: object;
    gateway: object;
  };
  for (const region of cluster.regions) if (region.id === guest) region.redis = redis.section;
  for (const place of [...cluster.regions, ...cluster.witnesses]) {
    const { nodeId, isVoter } = place.kafka;
    place.kafka = { nodeId, isVoter, host: place.bind, clientPort: kafka.clientPort };
  }
  Object.assign(cluster.kafka, { external: kafka.section });
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

test('before the start doctor finds them fit', async () => {
  const found = await doctor();
  assert.match(found, /^ok +redis +127\.\S+:6390, not started here, answers in/m);
  assert.match(found, /^ok +kafka +127\.\S+:9192, not started here, answers in/m);
  for (const place of [...regions, 'third']) {
    assert.match(found, new RegExp(`^ok +kafka broker of ${place} +node \\d, rack ${place}$`, 'm'));
  }
  assert.match(found, /^ok +kafka settings/m);
  assert.match(found, /^warning +kafka controllers .*not Meridian's/m);
});

test('the regions start without them; status names the others', async () => {
  for (const host of regions) hosts.up(host);
  await eventually(async () => {
    const now = await statusOf(hosts, guest);
    const isHealthy = now?.regions.every(({ health }) => health === 'healthy') === true;
    return isHealthy && now.members.length === 1;
  }, waiting);
  assert.doesNotMatch(hosts.talk(guest), /redis|kafka/);
  assert.match(hosts.talk('eu-west'), /redis/);
  await eventually(
    async () =>
      /us-east: redis is 127\S+:6390, not started by Mer.*: answered/.test(await status()),
    waiting,
  );
  assert.match(await status(), /us-east: kafka is 127\S+:9192, not started by Meridian: last/);
  await eventually(async () => /^ok +redis privileges/m.test(await doctor()), waiting);
});

test('a write is confirmed by the other region, the log of each on its own broker', async () => {
  await hosts.query('us-east', 'CREATE TABLE note (id int PRIMARY KEY)');
  const written = await hosts.query('us-east', 'INSERT INTO note VALUES (1)');
  assert.match(String(written.headers['meridian-durability']), /^semi-sync; regions=2\/2/);
  for (const { id, kafka: own } of hosts.config.regions) {
    const data = readdirSync(join(hosts.folder, 'kafka', String(own.nodeId), 'data'));
    const topics = data.filter((name) => name.startsWith('meridian.'));
    assert.deepEqual(topics.toSorted(), ['meridian.main.control-0', `meridian.main.log.${id}-0`]);
  }
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
