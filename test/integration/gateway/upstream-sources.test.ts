/** Where instances come from: lists, names, the registry; and changes of all that under load. */
// test: light
import assert from 'node:assert/strict';
import dns from 'node:dns';
import { createServer, type RequestListener } from 'node:http';
import { after, before, test } from 'node:test';
import { request } from 'undici';
import { signAccessToken, type Scope } from '../../../shared/auth/access-token.ts';
import { connectRedis, type RedisClient } from '../../../shared/redis/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  gatewayConfig,
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../helpers/http-upstream.ts';
import { startLoad } from '../../helpers/open-loop.ts';
import { startTestRedis, type TestRedis } from '../../helpers/redis.ts';

const [host = '', redisHost = '', ...hosts] = loopbackAddresses(6);
const cluster = testCluster({ 'eu-west': host });
const secrets = testSecrets('eu-west');
const even = { algorithm: 'round-robin', slowStartMs: 0 };
const registry = { enabled: true, networks: ['127.0.0.0/8'] };
let addresses: readonly string[] | Error = hosts.slice(0, 2);
let redis: TestRedis;
let client: RedisClient;
let gateway: TestGateway;
let upstreams: readonly HttpUpstream[] = [];

/** An upstream on `at` that says its address. */
async function startNamed(at: string): Promise<HttpUpstream> {
  return startHttpUpstream(sayingWhere(at), at);
}

function sayingWhere(at: string): RequestListener {
  return (incoming, reply) => {
    if (incoming.url === '/slow') setTimeout(() => reply.end(at), 300);
    else reply.end(at);
  };
}

function section(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const list = { ...even, targets: upstreams.slice(0, 2).map(({ origin }) => ({ url: origin })) };
  return {
    groups: { list, named: { ...even, registry }, shop: { ...even, registry }, ...changes },
    routes: [
      { id: 'shop', group: 'shop', match: { path: '/shop' }, needs: ['cart'] },
      { id: 'named', group: 'named', match: { path: '/named' } },
      { id: 'list', group: 'list' },
    ],
  };
}

before(async () => {
  upstreams = await Promise.all(hosts.slice(0, 3).map(startNamed));
  redis = await startTestRedis(redisHost);
  client = connectRedis(redis.target);
  const given = { cluster, region: 'eu-west', secrets, redis: client };
  gateway = await startTestGateway({ ...given, config: section() });
});

after(async () => {
  await gateway.stop();
  client.disconnect();
  await redis.stop();
  for (const upstream of upstreams) await upstream.close();
});

async function served(path: string): Promise<string> {
  const reply = await request(`${gateway.origin}${path}`);
  const text = await reply.body.text();
  return reply.statusCode === 200 ? text : String(reply.statusCode);
}

/** Who answers over `count` requests. */
async function serving(path: string, count = 20): Promise<string> {
  const seen = new Set<string>();
  for (let i = 0; i < count; i += 1) seen.add(await served(path));
  return [...seen].sort().join(' ');
}

/** What the registry answers; no `facts`: the instance leaves. */
async function tell(
  path: string,
  facts: object | null,
  scope: Scope = 'upstream:register',
): Promise<number> {
  const keys = secrets.shared.accessKeys;
  const base = { clusterId: cluster.clusterId, keys, role: 'app', subject: 'shop', ttlSeconds: 60 };
  const token = await signAccessToken({ ...base, scopes: [scope] });
  const reply = await request(`${gateway.adminOrigin}/admin/registry${path}`, {
    method: facts === null ? 'DELETE' : 'PUT',
    headers: {
      authorization: `Bearer ${token}`,
      ...(facts === null ? {} : { 'content-type': 'application/json' }),
    },
    body: facts === null ? null : JSON.stringify(facts),
  });
  await reply.body.dump();
  return reply.statusCode;
}

const originOf = (index: number): string => upstreams[index]?.origin ?? '';
const until = async (path: string, want: string): Promise<void> => {
  await eventually(async () => (await serving(path)) === want);
};

test('instances register with lease and capabilities; they drain, leave and expire', async () => {
  assert.equal(await served('/shop'), '503', 'nobody is there yet');
  const cart = { capabilities: ['cart', 'search'], ttlMs: 60_000 };
  assert.equal(await tell('/shop/a', { url: originOf(0), ...cart }), 200);
  assert.equal(await tell('/shop/b', { url: originOf(1), ...cart }), 200);
  assert.equal(await tell('/shop/c', { url: originOf(2), ttlMs: 60_000 }), 200);
  await until('/shop', hosts.slice(0, 2).sort().join(' '));
  await tell('/shop/a', { url: originOf(0), ...cart, status: 'draining' });
  await until('/shop', hosts[1] ?? '');
  await tell('/shop/a', { url: originOf(0), ...cart, status: 'down' });
  assert.equal(await tell('/shop/b', null), 200);
  await tell('/shop/c', { url: originOf(2), ...cart, ttlMs: 2500 });
  await until('/shop', hosts[2] ?? '');
  await until('/shop', '503');
});

test('a registration is refused without the right, and outside the networks', async () => {
  const facts = { url: originOf(0) };
  assert.equal(await tell('/shop/x', facts, 'data:write'), 403);
  assert.equal(await tell('/shop/x', { url: 'http://192.0.2.1:80' }), 400);
  assert.equal(await tell('/shop/x', { url: 'http://metadata.internal:80' }), 400);
  assert.equal(await tell('/list/x', facts), 400);
  assert.equal(await tell('/shop/x', { ...facts, more: 1 }), 400);
});

test('rows of the registry that are no registrations are left out', async () => {
  const inTime = String(Date.now() + 60_000);
  const outside = `${inTime} {"url":"http://192.0.2.1:80","status":"up"}`;
  await client.hset('meridian:registry:named', { x: 'garbage', y: `${inTime} {`, z: outside });
  await tell('/named/a', { url: originOf(1), ttlMs: 60_000 });
  await until('/named', hosts[1] ?? '');
});

test('while the registry is away its last answer holds', async () => {
  redis.freeze();
  const startMs = performance.now();
  await eventually(async () => {
    assert.equal(await served('/named'), hosts[1]);
    return performance.now() - startMs > 1500;
  });
  redis.thaw();
});

test('a registry that has lost its memory takes no instance away', async () => {
  await client.flushall();
  const startMs = performance.now();
  await eventually(async () => {
    assert.equal(await served('/named'), hosts[1]);
    return performance.now() - startMs > 2500;
  });
  assert.equal(await tell('/named/a', null), 200);
  await until('/named', '503');
  await tell('/named/a', { url: originOf(1), ttlMs: 60_000 });
  await until('/named', hosts[1] ?? '');
});

test('a name is asked again and again; each address is an instance', async () => {
  const { port } = new URL(originOf(0));
  const lookup = dns.lookup;
  type Answer = (error: Error | null, found?: { address: string; family: number }[]) => void;
  dns.lookup = ((name: string, options: object, done: Answer) => {
    if (name !== 'shop.test') return lookup(name, options as never, done as never);
    if (addresses instanceof Error) done(addresses);
    else
      done(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );
  }) as typeof dns.lookup;
  const others = await Promise.all(
    hosts.slice(1, 3).map(
      (at) =>
        new Promise<{ close(): void }>((resolve) => {
          const server = createServer(sayingWhere(at));
          server.listen(Number(port), at, () => resolve(server));
        }),
    ),
  );
  const targets = [{ url: `http://shop.test:${port}` }];
  gateway.service.reload(gatewayConfig(section({ named: { ...even, targets, dnsMs: 50 } })));
  await until('/named', hosts.slice(0, 2).sort().join(' '));
  addresses = hosts.slice(1, 3);
  await until('/named', hosts.slice(1, 3).sort().join(' '));
  addresses = new Error('ESERVFAIL');
  assert.equal(await serving('/named'), hosts.slice(1, 3).sort().join(' '));
  dns.lookup = lookup;
  for (const server of others) server.close();
});

test('routes and groups change under load, and no request is dropped', async () => {
  gateway.service.reload(gatewayConfig(section()));
  const load = startLoad(() => `${gateway.origin}/slow`, 200);
  for (let round = 0; round < 12; round += 1) {
    const targets = upstreams
      .filter((_, index) => index !== round % 3)
      .map(({ origin }) => ({ url: origin, weight: 1 + round }));
    gateway.service.reload(gatewayConfig(section({ list: { ...even, targets } })));
    const dueMs = performance.now() + 100;
    await eventually(() => performance.now() > dueMs);
  }
  const { sent, failures } = await load.finish();
  assert.ok(sent > 150);
  assert.deepEqual(failures, []);
  await until('/', hosts.slice(0, 2).sort().join(' '));
});

test('a canary takes its share of the clients, and keeps them', async () => {
  const targetOf = (index: number): object => ({ ...even, targets: [{ url: originOf(index) }] });
  const canary = [{ group: 'next', share: 0.3 }];
  gateway.service.reload(
    gatewayConfig({
      trustedProxies: ['127.0.0.0/8'],
      groups: { list: targetOf(0), next: targetOf(2) },
      routes: [{ id: 'list', group: 'list', canary }],
    }),
  );
  const groupFor = async (client: string): Promise<string> => {
    const headers = { 'x-forwarded-for': client };
    return (await request(gateway.origin, { headers })).body.text();
  };
  const people = Array.from({ length: 300 }, (_, at) => `198.51.100.${String(at % 250)}`);
  const first = await Promise.all(people.map(groupFor));
  const share = first.filter((at) => at === hosts[2]).length / first.length;
  assert.ok(share > 0.2 && share < 0.4, share.toFixed(2));
  assert.deepEqual(await Promise.all(people.map(groupFor)), first);
});
