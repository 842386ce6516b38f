/** Address lists, credentials, origins, sticky clients, sessions: on a real Redis. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { request } from 'undici';
import { signAccessToken } from '../../../shared/auth/access-token.ts';
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
let clients: RedisClient[] = [];
const gateways: TestGateway[] = [];
let upstreams: HttpUpstream[] = [];
let identityProvider: HttpUpstream;
let published: JWK[] = [];
let isProviderDown = false;
let accessToken = '';

before(async () => {
  const [a = '', b = '', c = ''] = loopbackAddresses(3);
  redis = await startTestRedis(c);
  upstreams = await Promise.all(
    ['one', 'two', 'three'].map((name) =>
      startHttpUpstream((incoming, reply) => {
        reply.setHeader('access-control-allow-origin', '*');
        if (incoming.url === '/session') reply.setHeader('meridian-session-context', '{"n":7}');
        reply.setHeader('x-upstream', name);
        reply.end(JSON.stringify({ name, headers: incoming.headers }));
      }),
    ),
  );
  identityProvider = await startHttpUpstream((_, reply) => {
    if (isProviderDown) reply.statusCode = 503;
    reply.setHeader('content-type', 'application/json');
    reply.end(JSON.stringify({ keys: published }));
  });
  const config = configOf();
  const cluster = testCluster({ 'eu-west': a });
  const secrets = testSecrets('eu-west');
  // The second gateway is another process of the same region: other address, same Redis.
  const other = { ...cluster, regions: cluster.regions.map((region) => ({ ...region, bind: b })) };
  clients = [connectRedis(redis.target), connectRedis(redis.target)];
  for (const [index, of] of [cluster, other].entries()) {
    const client = clients[index];
    const common = { cluster: of, region: 'eu-west', secrets, config };
    gateways.push(
      await startTestGateway(client === undefined ? common : { ...common, redis: client }),
    );
  }
  await eventually(() => clients.every(({ status }) => status === 'ready'));
  accessToken = await signAccessToken({
    clusterId: cluster.clusterId,
    keys: secrets.shared.accessKeys,
    scopes: ['data:read'],
    role: 'app',
    subject: 'alice',
    ttlSeconds: 600,
  });
});

after(async () => {
  for (const gateway of gateways) await gateway.stop();
  for (const client of clients) client.disconnect();
  for (const upstream of [...upstreams, identityProvider]) await upstream.close();
  await redis.stop();
});

function configOf(): unknown {
  const group = 'default';
  const byToken = { accept: ['jwt', 'api-key'] };
  return {
    trustedProxies: ['127.0.0.0/8'],
    jwt: { jwksUrl: identityProvider.origin, issuer: 'idp', audience: 'shop', cooldownMs: 1 },
    apiKeys: [{ id: 'robot', sha256: createHash('sha256').update('key-of-robot').digest('hex') }],
    groups: { [group]: { targets: upstreams.map(({ origin }) => ({ url: origin })) } },
    routes: [
      { id: 'meridian', group, match: { path: '/meridian' }, auth: { accept: ['meridian'] } },
      {
        ...{ id: 'admin', group, match: { path: '/admins' } },
        auth: { accept: ['meridian'], scopes: ['admin:admin'] },
      },
      { id: 'jwt', group, match: { path: '/jwt' }, auth: byToken },
      { id: 'inside', group, match: { path: '/inside' }, allow: ['198.51.100.0/24'] },
      { id: 'outside', group, match: { path: '/outside' }, deny: ['198.51.100.0/24'] },
      { id: 'write', group, match: { path: '/write' }, auth: { ...byToken, scopes: ['write'] } },
      {
        ...{ id: 'cors-locked', group, match: { path: '/cors/locked' }, securityHeaders: true },
        ...{ cors: { origins: ['https://a.example'] }, auth: { accept: ['meridian'] } },
      },
      { id: 'cors', group, match: { path: '/cors' }, cors: { origins: ['https://a.example'] } },
      { id: 'sticky', group, match: { path: '/sticky' }, sticky: {} },
      { id: 'session', group, match: { path: '/session' }, session: {} },
      {
        ...{ id: 'rules', group, match: { path: '/rules' }, rewrite: '/inner' },
        request: { set: { 'x-added': '1' }, remove: ['x-secret'] },
        reply: { set: { 'x-more': '2' }, remove: ['x-upstream'] },
        securityHeaders: true,
      },
      { id: 'rest', group },
    ],
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: { name?: string; headers?: Record<string, string>; code?: string };
}

async function ask(
  path: string,
  headers: Record<string, string> = {},
  options: { readonly gateway?: number; readonly method?: string } = {},
): Promise<Answer> {
  const origin = gateways[options.gateway ?? 0]?.origin ?? '';
  const reply = await request(`${origin}${path}`, { headers, method: options.method ?? 'GET' });
  const text = await reply.body.text();
  const body = (text === '' ? {} : JSON.parse(text)) as Answer['body'];
  return { status: reply.statusCode, headers: reply.headers, body };
}

async function jwtOf(key: CryptoKey, kid: string, audience = 'shop'): Promise<string> {
  return new SignJWT({ scope: 'read' })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setIssuer('idp')
    .setAudience(audience)
    .setSubject('bob')
    .setExpirationTime('5m')
    .sign(key);
}

test('a route that asks for credentials gets them verified', async () => {
  const bearer = { authorization: `Bearer ${accessToken}` };
  const refused = await ask('/meridian');
  assert.equal(refused.status, 401);
  assert.equal(refused.headers['www-authenticate'], 'Bearer');
  assert.equal((await ask('/meridian', { authorization: 'Bearer a.b.c' })).status, 401);
  for (let i = 0; i < 2; i += 1) {
    const { status, body } = await ask('/meridian', { ...bearer, 'meridian-subject': 'eve' });
    assert.equal(status, 200);
    assert.equal(body.headers?.['meridian-subject'], 'alice', 'the client cannot name itself');
  }
  assert.equal((await ask('/admins', bearer)).status, 403);
});

test('tokens of an identity provider, whose keys rotate; API keys', async () => {
  const makeKey = async (kid: string): Promise<CryptoKey> => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    published = [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256' }];
    return privateKey;
  };
  const status = async (token: string): Promise<number> =>
    (await ask('/jwt', { authorization: `Bearer ${token}` })).status;
  const first = await makeKey('k1');
  assert.equal(await status(await jwtOf(first, 'k1')), 200);
  assert.equal(await status(await jwtOf(first, 'k1', 'another')), 401);
  const second = await makeKey('k2');
  await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(await status(await jwtOf(second, 'k2')), 200, 'the new key is fetched');
  assert.equal(await status(accessToken), 401, 'a token of another kind');
  assert.equal((await ask('/jwt', { 'x-api-key': 'key-of-robot' })).status, 200);
  assert.equal((await ask('/jwt', { 'x-api-key': 'key-of-nobody' })).status, 401);
  const bearer = { authorization: `Bearer ${await jwtOf(second, 'k2')}` };
  assert.equal((await ask('/write', bearer)).status, 403);
  assert.equal((await ask('/write', { 'x-api-key': 'key-of-robot' })).status, 403);
});

test('a provider that does not give its keys is no reason to call a token invalid', async () => {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  isProviderDown = true;
  const bearer = { authorization: `Bearer ${await jwtOf(privateKey, 'k3')}` };
  const { status, body, headers } = await ask('/jwt', bearer);
  isProviderDown = false;
  assert.deepEqual([status, body.code], [503, 'UpstreamUnavailable']);
  assert.equal(headers['retry-after'], '1');
  assert.equal((await ask('/jwt', bearer)).status, 401);
});

test('addresses are let in or kept out', async () => {
  const from = { 'x-forwarded-for': '198.51.100.7' };
  assert.equal((await ask('/inside', from)).status, 200);
  assert.equal((await ask('/inside')).status, 403);
  assert.equal((await ask('/outside', from)).status, 403);
  assert.equal((await ask('/outside')).status, 200);
});

test('preflight requests are answered, strangers learn nothing', async () => {
  const preflight = { 'access-control-request-method': 'POST' };
  const known = await ask(
    '/cors',
    { ...preflight, origin: 'https://a.example' },
    { method: 'OPTIONS' },
  );
  assert.equal(known.status, 204);
  assert.equal(known.headers['access-control-allow-origin'], 'https://a.example');
  const stranger = await ask(
    '/cors',
    { ...preflight, origin: 'https://b.example' },
    { method: 'OPTIONS' },
  );
  assert.equal(stranger.headers['access-control-allow-origin'], undefined);
  const plain = await ask('/cors', { origin: 'https://a.example' });
  assert.equal(plain.headers['access-control-allow-origin'], 'https://a.example');
  assert.ok(plain.body.name !== undefined);
  const refused = await ask('/cors/locked', { origin: 'https://a.example' });
  assert.equal(refused.status, 401);
  assert.equal(refused.headers['access-control-allow-origin'], 'https://a.example');
  assertSecured(refused);
});

/** Every security header, on replies that pass and on the gateway's own. */
function assertSecured({ headers }: Answer): void {
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['x-frame-options'], 'DENY');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
}

test('a sticky client stays with its instance, on both gateways, until it is gone', async () => {
  const first = await ask('/sticky');
  const cookie = String(first.headers['set-cookie']);
  assert.match(cookie, /HttpOnly; Secure; SameSite=Lax$/);
  const value = cookie.split(';')[0] ?? '';
  for (let i = 0; i < 10; i += 1) {
    const { body, headers } = await ask('/sticky', { cookie: value }, { gateway: i % 2 });
    assert.equal(body.name, first.body.name);
    assert.equal(headers['set-cookie'], undefined);
  }
  const forged = await ask('/sticky', { cookie: `${value}x` });
  assert.ok(forged.headers['set-cookie'] !== undefined);
  const index = ['one', 'two', 'three'].indexOf(first.body.name ?? '');
  await upstreams[index]?.close();
  const moved = await ask('/sticky', { cookie: value });
  assert.equal(moved.status, 200);
  assert.notEqual(moved.body.name, first.body.name);
  assert.ok(moved.headers['set-cookie'] !== undefined, 'a new cookie for the new instance');
});

test('session context is kept in Redis; without Redis requests go on', async () => {
  const first = await ask('/session');
  assert.equal(first.status, 200);
  assert.equal(first.headers['meridian-session-context'], undefined, 'not for the client');
  const cookie = String(first.headers['set-cookie']).split(';')[0] ?? '';
  const context = await eventually(async () => {
    const { body } = await ask('/session', { cookie }, { gateway: 1 });
    assert.equal(body.headers?.['meridian-session'], first.body.headers?.['meridian-session']);
    return body.headers?.['meridian-session-context'];
  });
  assert.equal(context, '{"n":7}');
  const [key = ''] = (await clients[0]?.keys('meridian:session:*')) ?? [];
  const ttl = (await clients[0]?.ttl(key)) ?? 0;
  assert.ok(ttl > 3500 && ttl <= 3600);
  redis.freeze();
  const startedMs = performance.now();
  assert.equal((await ask('/session', { cookie })).status, 200);
  assert.ok(performance.now() - startedMs < 2000, 'a frozen Redis costs 50 ms, once a second');
  redis.thaw();
});

test('paths and headers are rewritten by the route', async () => {
  const answer = await ask('/rules/x?y=1', { 'x-secret': 's' });
  const { body, headers } = answer;
  assert.equal(body.headers?.['x-added'], '1');
  assert.equal(body.headers?.['x-secret'], undefined);
  assert.equal(headers['x-more'], '2');
  assert.equal(headers['x-upstream'], undefined);
  assertSecured(answer);
});
