/** Three regions: the nearest healthy one serves, the others take over, nothing goes in circles. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { request } from 'undici';
import { signAccessToken } from '../../../shared/auth/access-token.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../helpers/gateway.ts';
import { startSampleUpstream, type SampleUpstream } from '../../helpers/sample-upstream.ts';

const regions = ['eu-west', 'us-east', 'ap-south'] as const;
type Region = (typeof regions)[number];

/** Addresses that geoip-lite's tables place in Germany, the United States and India. */
const clients = { 'eu-west': '91.198.174.192', 'us-east': '8.8.8.8', 'ap-south': '49.44.64.1' };
const upstreams = new Map<Region, SampleUpstream>();
const gateways = new Map<Region, TestGateway>();
let token = '';

before(async () => {
  const addresses = loopbackAddresses(3);
  const cluster = testCluster(
    Object.fromEntries(regions.map((region, index) => [region, addresses[index] ?? ''])),
  );
  const { shared } = testSecrets('eu-west');
  const config = {
    trustedProxies: ['127.0.0.0/8'],
    // Probes between intervals are due to doubt alone: requests that fail, what controllers say.
    regions: { probe: { intervalMs: 60_000, timeoutMs: 500, recheckMs: 50 } },
  };
  for (const { id, bind } of cluster.regions) {
    const region = id as string as Region;
    upstreams.set(region, await startSampleUpstream(bind, 7090, region));
    const secrets = testSecrets(region, shared);
    gateways.set(region, await startTestGateway({ cluster, region, secrets, config }));
  }
  token = await signAccessToken({
    clusterId: cluster.clusterId,
    keys: shared.accessKeys,
    scopes: ['admin:viewer'],
    role: 'app',
    subject: 'test',
    ttlSeconds: 600,
  });
  for (const region of regions) {
    for (const other of regions)
      await eventually(async () => (await ask(region, other)).served === other);
  }
});

after(async () => {
  for (const gateway of gateways.values()) await gateway.stop();
  for (const upstream of upstreams.values()) await upstream.kill();
});

interface Answer {
  readonly status: number;
  readonly served: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A request at the gateway of `at` from a client near `near`. */
async function ask(
  at: Region,
  near: Region,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const reply = await request(`${gatewayOf(at).origin}/hello?x=1`, {
    headers: { 'x-forwarded-for': clients[near], ...headers },
  });
  const body = await reply.body.text();
  const { region } = (reply.statusCode === 200 ? JSON.parse(body) : {}) as { region?: string };
  return { status: reply.statusCode, served: region, headers: reply.headers, body };
}

function gatewayOf(region: Region): TestGateway {
  const gateway = gateways.get(region);
  assert.ok(gateway);
  return gateway;
}

test('each client is served in its nearest region, whichever gateway it asks', async () => {
  for (const at of regions) {
    for (const near of regions) {
      const { headers, served, body } = await ask(at, near);
      assert.equal(served, near, `asked at ${at}`);
      assert.equal(headers['meridian-region'], near);
      assert.match(String(headers['meridian-upstream']), /^default\/127\./);
      assert.equal(headers['meridian-attempts'], '1');
      assert.match(String(headers['meridian-overhead-ms']), /^\d+\.\d\d$/);
      assert.match(String(headers['server-timing']), /dur=/);
      const { client } = JSON.parse(body) as { client: string };
      assert.equal(client.split(',')[0], clients[near]);
    }
  }
});

test('a client without a location is served where it asks', async () => {
  const reply = await request(`${gatewayOf('us-east').origin}/`);
  assert.equal(((await reply.body.json()) as { region: string }).region, 'us-east');
});

test('a trusted caller may name the region; a forged hop header says nothing', async () => {
  const named = await ask('eu-west', 'eu-west', { 'meridian-region': 'ap-south' });
  assert.equal(named.served, 'ap-south');
  const forged = await ask('eu-west', 'us-east', { 'meridian-hop': 'e30.k1.AAAA' });
  assert.equal(forged.served, 'us-east');
});

test('a drained region takes nothing new', async () => {
  for (const region of regions) gatewayOf(region).setAccepting('eu-west', false);
  const { served } = await ask('ap-south', 'eu-west');
  assert.notEqual(served, 'eu-west');
  for (const region of regions) gatewayOf(region).setAccepting('eu-west', true);
  assert.equal((await ask('ap-south', 'eu-west')).served, 'eu-west');
});

test('when the upstreams of the nearest region die, another one serves', async () => {
  await upstreams.get('us-east')?.kill();
  for (let i = 0; i < 20; i += 1) {
    const { status, served, headers } = await ask('us-east', 'us-east');
    assert.equal(status, 200);
    assert.notEqual(served, 'us-east');
    assert.equal(headers['meridian-region'], served);
  }
  const bind = new URL(gatewayOf('us-east').origin).hostname;
  upstreams.set('us-east', await startSampleUpstream(bind, 7090, 'us-east'));
  await eventually(async () => (await ask('us-east', 'us-east')).served === 'us-east');
});

test('when a whole region dies, no idempotent request fails', async () => {
  await gatewayOf('ap-south').stop();
  await upstreams.get('ap-south')?.kill();
  for (let i = 0; i < 20; i += 1) {
    const { status, served } = await ask('eu-west', 'ap-south');
    assert.equal(status, 200);
    assert.notEqual(served, 'ap-south');
  }
});

test('explain gives the whole reasoning', async () => {
  const url = `${gatewayOf('eu-west').adminOrigin}/admin/routes/explain?ip=8.8.8.8&path=/x`;
  assert.equal((await request(url)).statusCode, 401);
  const reply = await request(url, { headers: { authorization: `Bearer ${token}` } });
  const answer = (await reply.body.json()) as {
    route: string;
    place: { country: string };
    decision: { region: string; why: string };
    regions: { id: string; isHealthy: boolean; costMs: number }[];
  };
  assert.equal(answer.route, 'default');
  assert.equal(answer.place.country, 'US');
  assert.deepEqual([answer.decision.region, answer.decision.why], ['us-east', 'nearest']);
  assert.equal(answer.regions.find(({ id }) => id === 'ap-south')?.isHealthy, false);
});

test('metrics tell of decisions, of regions and of upstreams', async () => {
  const text = await gatewayOf('eu-west').metrics.registry.metrics();
  assert.match(text, /^meridian_gateway_decisions_total\{region="us-east",why="nearest"\} \d+$/m);
  assert.match(text, /^meridian_gateway_decisions_total\{region="ap-south",why="override"\} 1$/m);
  assert.match(text, /^meridian_gateway_region_healthy\{region="us-east"\} 1$/m);
  assert.match(text, /^meridian_gateway_region_healthy\{region="ap-south"\} 0$/m);
  assert.match(text, /^meridian_gateway_upstreams\{group="default",state="usable"\} 1$/m);
});
