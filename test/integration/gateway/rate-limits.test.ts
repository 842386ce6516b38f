/** Rate limits over the gateways of a region, on a real Redis and without it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { request } from 'undici';
import { connectRedis, type RedisClient } from '../../../shared/redis/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../helpers/http-upstream.ts';
import { startTestRedis, type TestRedis } from '../../helpers/redis.ts';

let redis: TestRedis;
let upstream: HttpUpstream;
const clients: RedisClient[] = [];
const gateways: TestGateway[] = [];

before(async () => {
  const [a = '', b = '', c = ''] = loopbackAddresses(3);
  redis = await startTestRedis(c);
  upstream = await startHttpUpstream((_, reply) => reply.end());
  const config = {
    trustedProxies: ['127.0.0.0/8'],
    groups: { default: { targets: [{ url: upstream.origin }] } },
    routes: [{ id: 'limited', group: 'default', rateLimit: { perSecond: 20, burst: 20 } }],
  };
  const cluster = testCluster({ 'eu-west': a });
  const secrets = testSecrets('eu-west');
  // The second gateway is another process of the same region: other address, same Redis.
  const other = { ...cluster, regions: cluster.regions.map((region) => ({ ...region, bind: b })) };
  for (const place of [cluster, other]) {
    const client = connectRedis(redis.target);
    clients.push(client);
    const given = { cluster: place, region: 'eu-west', secrets, config, redis: client };
    gateways.push(await startTestGateway(given));
  }
  await eventually(() => clients.every(({ status }) => status === 'ready'));
});

after(async () => {
  for (const gateway of gateways) await gateway.stop();
  for (const client of clients) client.disconnect();
  await upstream.close();
  await redis.stop();
});

/** A request of the client at `address`. */
async function ask(
  address: string,
  gateway = 0,
): Promise<{ readonly status: number; readonly retryAfter: number }> {
  const origin = gateways[gateway]?.origin ?? '';
  const reply = await request(origin, { headers: { 'x-forwarded-for': address } });
  await reply.body.dump();
  return { status: reply.statusCode, retryAfter: Number(reply.headers['retry-after']) };
}

interface Flood {
  readonly passed: number;
  readonly refused: number;
  readonly seconds: number;
}

/** Requests of one client through both gateways as fast as they go, for a second. */
async function flood(address: string): Promise<Flood> {
  const counts = { passed: 0, refused: 0 };
  const startMs = performance.now();
  const one = async (gateway: number): Promise<void> => {
    while (performance.now() < startMs + 1000) {
      const { status } = await ask(address, gateway);
      if (status === 200) counts.passed += 1;
      else counts.refused += 1;
      if (status !== 200) assert.equal(status, 429);
    }
  };
  await Promise.all([one(0), one(1), one(0), one(1)]);
  return { ...counts, seconds: (performance.now() - startMs) / 1000 };
}

/** A flood during which no gateway lost Redis: a busy machine makes it late at times. */
async function sharedFlood(network: string): Promise<Flood & { readonly address: string }> {
  let host = 0;
  return eventually(
    async () => {
      host += 1;
      const address = `${network}.${String(host)}`;
      await eventually(async () => (await limitsOf()) === 'shared');
      const result = await flood(address);
      // A machine too busy to reach the limit says nothing of it.
      const isTold = result.refused > 10 && (await limitsOf()) === 'shared';
      return isTold ? { ...result, address } : null;
    },
    { deadlineMs: 30_000 },
  );
}

/** What both gateways say of their limits. */
async function limitsOf(): Promise<string> {
  for (let gateway = 0; gateway < 2; gateway += 1) await ask('192.0.2.1', gateway);
  const all = await Promise.all(gateways.map(({ service }) => service.readiness()));
  const checks = all.flatMap((readiness) => readiness.checks);
  const details = checks.filter(({ name }) => name === 'gateway-limits').map((one) => one.detail);
  return [...new Set(details)].join(' and ');
}

test('a limit holds over the gateways of a region; each may overshoot by one lease', async () => {
  const { passed, seconds, address } = await sharedFlood('203.0.113');
  const most = 20 + 20 * seconds + 2 * 2;
  assert.ok(passed >= 20 && passed <= most, `${String(passed)} of ${most.toFixed(1)} passed`);
  const oneRefused = async (): Promise<boolean> => {
    const { status, retryAfter } = await ask(address);
    return status === 429 && retryAfter >= 1;
  };
  await eventually(oneRefused, { intervalMs: 1 });
  assert.equal((await ask('203.0.113.200')).status, 200, 'nobody else is held back');
});

test('Redis is not asked for every request, and without it limits hold per process', async () => {
  const client = clients[0];
  assert.ok(client !== undefined);
  const calls = async (): Promise<number> =>
    Number(/cmdstat_eval:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
  const [callsBefore, startMs] = [await calls(), performance.now()];
  const { address } = await sharedFlood('203.0.114');
  const asked = (await calls()) - callsBefore;
  // Each gateway asks once for each token at most, and once until the next one is there.
  const most = 20 + (2 * 2 * 20 * (performance.now() - startMs)) / 1000;
  assert.ok(asked <= most, `${String(asked)} of ${most.toFixed(0)}`);
  const emptyMs = performance.now();
  await redis.kill();
  const known = await flood(address);
  // Two gateways, each at the whole rate since the bucket was as good as empty: no whole burst.
  const mostKnown = 2 * ((20 * (performance.now() - emptyMs)) / 1000 + 10);
  assert.ok(known.passed > 0 && known.passed <= mostKnown, `${String(known.passed)}: no burst`);
  const fresh = await flood('203.0.115.1');
  assert.ok(fresh.passed <= 2 * (20 + 20 * fresh.seconds + 2));
  if (fresh.refused > 0) assert.ok(fresh.passed >= 40, 'a burst at each gateway');
  await redis.start();
  await eventually(() => clients.every(({ status }) => status === 'ready'));
});
