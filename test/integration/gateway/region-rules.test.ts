/** Rules on regions, over real gateways: residency, hints, redirects, hops, load, stickiness. */
// test: light
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { request } from 'undici';
import { formatHop, type HopBond } from '../../../services/gateway/core/hop.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { refusals } from '../../../shared/metrics/refusals.ts';
import { createTokenSigner } from '../../../shared/runtime/token-signer.ts';
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

const regions = ['eu-west', 'us-east', 'ap-south'] as const;
type Region = (typeof regions)[number];

const { shared } = testSecrets('eu-west');
const upstreams = new Map<Region, HttpUpstream>();
const gateways = new Map<Region, TestGateway>();
const held: (() => void)[] = [];

before(async () => {
  const addresses = loopbackAddresses(3);
  const cluster = testCluster(
    Object.fromEntries(regions.map((region, index) => [region, addresses[index] ?? ''])),
  );
  for (const region of regions) {
    upstreams.set(region, await startUpstream(region));
  }
  for (const region of regions) {
    const secrets = testSecrets(region, shared);
    gateways.set(region, await startTestGateway({ cluster, region, secrets, config: section() }));
  }
  for (const at of regions)
    for (const wanted of regions)
      await eventually(async () => (await ask(at, { 'meridian-region': wanted })).text === wanted);
});

after(async () => {
  for (const end of held) end();
  for (const gateway of gateways.values()) await gateway.stop();
  for (const upstream of upstreams.values()) await upstream.close();
});

/** It answers with its region, `/held` when a test says so. */
function startUpstream(region: Region): Promise<HttpUpstream> {
  return startHttpUpstream((incoming, reply) => {
    if (incoming.url === '/held') held.push(() => reply.end(region));
    else reply.end(region);
  });
}

function section(changes: object = {}): object {
  const url = (region: Region): object => ({
    url: upstreams.get(region)?.origin,
    regions: [region],
  });
  const targets = regions.map(url);
  return {
    trustedProxies: ['127.0.0.0/8'],
    tenant: { header: 'x-tenant' },
    clientHints: { country: 'cf-ipcountry', latitude: 'x-latitude', longitude: 'x-longitude' },
    residency: [
      { countries: ['DE'], regions: ['eu-west'] },
      { tenants: ['acme'], regions: ['ap-south'] },
    ],
    regions: {
      probe: { intervalMs: 300, timeoutMs: 2000, recheckMs: 50 },
      publicUrls: { 'us-east': 'https://us.example/' },
      ...{ fullLoad: 10, spillAbove: 0.5 },
    },
    groups: { all: { targets, activeCheck: { kind: 'none' }, breaker: { failures: 10_000 } } },
    routes: [
      { id: 'away', group: 'all', match: { path: '/away' }, crossRegion: 'redirect' },
      { id: 'own', group: 'all', match: { path: '/own' }, crossRegion: 'never' },
      { id: 'sticky', group: 'all', match: { path: '/sticky' }, sticky: {} },
      { id: 'rest', group: 'all' },
    ],
    ...changes,
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

async function ask(at: Region, headers: Record<string, string>, path = '/'): Promise<Answer> {
  const reply = await request(`${gatewayOf(at).origin}${path}`, { headers });
  return {
    status: reply.statusCode,
    headers: reply.headers,
    text: (await reply.body.text()).trim(),
  };
}

function gatewayOf(region: Region): TestGateway {
  const gateway = gateways.get(region);
  assert.ok(gateway !== undefined);
  return gateway;
}

const german = { 'cf-ipcountry': 'DE' };
const american = { 'cf-ipcountry': 'US', 'x-latitude': '39', 'x-longitude': '-77' };

test('a trusted caller may say where the client is', async () => {
  assert.equal((await ask('eu-west', american)).text, 'us-east');
  const nonsense = { 'cf-ipcountry': 'nowhere', 'x-latitude': '999', 'x-longitude': '0' };
  assert.equal((await ask('eu-west', nonsense)).text, 'eu-west', 'the address decides');
});

test('residency: the allowed region serves, whichever gateway is asked', async () => {
  for (const at of regions) {
    assert.equal((await ask(at, german)).text, 'eu-west');
    assert.equal((await ask(at, { ...american, 'x-tenant': 'acme' })).text, 'ap-south');
    const wanted = await ask(at, { ...german, 'meridian-region': 'us-east' });
    assert.equal(wanted.text, 'eu-west', 'an override does not break it');
  }
});

test('residency: rules that leave no region are answered 451', async () => {
  const { status, text } = await ask('us-east', { ...german, 'x-tenant': 'acme' });
  assert.equal(status, 451);
  assert.match(text, /ResidencyRefused/);
});

test('residency: no allowed region can serve: 503, and nobody else does', async () => {
  for (const region of regions) gatewayOf(region).setAccepting('eu-west', false);
  for (const at of regions) assert.equal((await ask(at, german)).status, 503);
  for (const region of regions) gatewayOf(region).setAccepting('eu-west', true);
  await upstreams.get('eu-west')?.close();
  for (const at of regions) {
    for (let i = 0; i < 5; i += 1) {
      const { status } = await ask(at, german);
      assert.ok(status === 502 || status === 503, `status ${String(status)} at ${at}`);
    }
  }
  upstreams.set('eu-west', await startUpstream('eu-west'));
  for (const region of regions) gatewayOf(region).service.reload(gatewayConfig(section()));
  await eventually(async () => (await ask('us-east', german)).text === 'eu-west');
});

test('a stranger is not believed what it says, at the next gateway neither', async () => {
  const { service } = gatewayOf('us-east');
  const changes = { residency: [{ tenants: ['acme'], regions: ['us-east'] }] };
  for (const region of ['eu-west', 'ap-south'] as const) {
    gatewayOf(region).service.reload(gatewayConfig(section(changes)));
  }
  service.reload(gatewayConfig(section({ ...changes, trustedProxies: [] })));
  gatewayOf('us-east').setAccepting('us-east', false);
  const named = await ask('us-east', { 'x-tenant': 'acme', 'x-forwarded-host': 'evil.example' });
  assert.equal(named.status, 200, 'the tenant would have been kept in us-east');
  assert.notEqual(named.text, 'us-east');
  gatewayOf('us-east').setAccepting('us-east', true);
  for (const region of regions) gatewayOf(region).service.reload(gatewayConfig(section()));
});

test('routes that redirect send the client to the other region by itself', async () => {
  const sent = await ask('eu-west', american, '/away/x?y=1');
  assert.equal(sent.status, 307);
  assert.equal(sent.headers['location'], 'https://us.example/away/x?y=1');
  assert.equal(sent.headers['cache-control'], 'no-store');
  const there = await ask('us-east', american, '/away/x?y=1');
  assert.equal(there.status, 200);
  const plain = await ask('us-east', german, '/away');
  assert.equal(plain.headers['location'], `${gatewayOf('eu-west').origin}/away`);
});

test('routes that stay are served where they are asked', async () => {
  assert.equal((await ask('eu-west', american, '/own')).text, 'eu-west');
  assert.equal((await ask('us-east', german, '/own')).status, 503, 'residency holds there too');
});

test('a request that comes back, or was handed on too often, ends', async () => {
  assert.equal((await ask('eu-west', hopBy(['us-east']))).status, 200);
  const back = await ask('eu-west', hopBy(['eu-west', 'us-east']));
  assert.equal(back.status, 508);
  assert.match(back.text, /eu-west/);
  assert.equal((await ask('eu-west', hopBy(['us-east', 'ap-south', 'x-1']))).status, 508);
});

test('a hop is good for one request: one that was captured is refused and counted', async () => {
  const refused = async (answer: Promise<Answer>): Promise<void> => {
    const { status, text } = await answer;
    assert.equal(status, 401, text);
    assert.equal((JSON.parse(text) as { code: string }).code, 'Unauthenticated');
  };
  const counted = (): number =>
    refusals().find(({ link, why }) => link === 'public' && why === 'replayed')?.count ?? 0;
  const before = counted();
  const digest = hash('sha256', 'GET /a?b=1 shop.example', 'base64url');
  const bond: HopBond = { to: 'eu-west' as RegionId, digest, sender: 'captured', number: 1 };
  const hop = { ...hopBy(['us-east'], bond), 'x-forwarded-host': 'shop.example' };
  assert.equal((await ask('eu-west', hop, '/a?b=1')).status, 200);
  await refused(ask('eu-west', hop, '/a?b=1'));
  const unused = { ...hopBy(['us-east'], { ...bond, number: 2 }), 'x-forwarded-host': 'x.example' };
  await refused(ask('eu-west', unused, '/a?b=1'));
  await refused(ask('eu-west', { ...unused, 'x-forwarded-host': 'shop.example' }, '/a?b=2'));
  await refused(ask('ap-south', { ...unused, 'x-forwarded-host': 'shop.example' }, '/a?b=1'));
  assert.equal(counted() - before, 4);
});

/** What a gateway of the last region in `visited` says of a request that it hands on. */
function hopBy(visited: readonly string[], bond: HopBond | null = null): Record<string, string> {
  const base = { clientAddress: '192.0.2.1', scheme: 'http', isTrusted: false } as const;
  const text = formatHop({ ...base, visited: visited as RegionId[], atMs: Date.now(), bond });
  return { 'meridian-hop': createTokenSigner(shared.peerKeys).sign(text) };
}

test('a loaded region gives a share to the next one', async () => {
  const open = Array.from({ length: 11 }, () => ask('us-east', american, '/held'));
  const ended: string[] = [];
  for (const one of open) {
    one.then(
      ({ status, text }) => ended.push(`${String(status)} ${text}`),
      (error: unknown) => ended.push(String(error)),
    );
  }
  await eventually(() => held.length + ended.length >= 11);
  assert.deepEqual([held.length, ended], [11, []]);
  const served = await Promise.all(Array.from({ length: 5 }, () => ask('us-east', american)));
  const more: Answer[] = [];
  await eventually(async () => {
    more.push(await ask('us-east', american));
    return (
      more.some(({ text }) => text !== 'us-east') && more.some(({ text }) => text === 'us-east')
    );
  });
  assert.ok([...served, ...more].every(({ status }) => status === 200));
  for (const end of held.splice(0)) end();
  await Promise.all(open);
  await eventually(async () => {
    const calm = await Promise.all(Array.from({ length: 4 }, () => ask('us-east', american)));
    return calm.every(({ text }) => text === 'us-east');
  });
});

test('a sticky client keeps its region wherever it asks, until that region drains', async () => {
  const first = await ask('eu-west', american, '/sticky');
  assert.equal(first.text, 'us-east');
  const cookie = String(first.headers['set-cookie']).split(';')[0] ?? '';
  const travelled = { 'x-latitude': '19', 'x-longitude': '72', cookie };
  for (const at of regions) assert.equal((await ask(at, travelled, '/sticky')).text, 'us-east');
  for (const region of regions) gatewayOf(region).setAccepting('us-east', false);
  assert.equal((await ask('ap-south', travelled, '/sticky')).text, 'ap-south');
  for (const region of regions) gatewayOf(region).setAccepting('us-east', true);
});
