/** A gateway process without a router passes the data API's paths to routers of its own region. */
// test: light
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { after, before, test } from 'node:test';
import { request } from 'undici';
import { eventually } from '../../helpers/eventually.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../helpers/http-upstream.ts';

const [host = '', other = ''] = loopbackAddresses(2);
const listeners = { public: 7180, admin: 7181, peer: 7182 };
let router: Server;
let upstream: HttpUpstream;
let gateway: TestGateway;
let asked = 0;

before(async () => {
  const plain = testCluster({ 'eu-west': host, 'us-east': other });
  const cluster = {
    ...plain,
    regions: plain.regions.map((region) => ({
      ...region,
      processes: [{ services: ['router' as const], listeners }],
    })),
  };
  router = createServer((incoming, reply) => {
    if (incoming.url !== '/health/ready') asked += 1;
    reply.writeHead(incoming.url === '/v1/busy' ? 503 : 200).end(`router ${incoming.url ?? ''}`);
  });
  await new Promise<void>((resolve) => router.listen(listeners.public, host, resolve));
  upstream = await startHttpUpstream((_, reply) => reply.end('upstream'));
  gateway = await startTestGateway({
    ...{ cluster, region: 'eu-west', secrets: testSecrets('eu-west'), dataApiPrefix: '/v1' },
    config: {
      trustedProxies: ['127.0.0.0/8'],
      groups: { default: { targets: [{ url: upstream.origin }] } },
    },
  });
});

after(async () => {
  await gateway.stop();
  router.close();
  await upstream.close();
});

async function ask(path: string, method: 'GET' | 'POST' = 'POST'): Promise<string> {
  const headers = { 'x-forwarded-for': '8.8.8.8', 'idempotency-key': 'k' };
  const reply = await request(`${gateway.origin}${path}`, { method, headers });
  return `${String(reply.statusCode)} ${await reply.body.text()}`;
}

test('SQL goes to a router of the own region, whatever is nearer to the client', async () => {
  assert.equal(await ask('/v1/query'), '200 router /v1/query');
  assert.equal(await ask('/v1/transaction?x=1'), '200 router /v1/transaction?x=1');
  assert.equal(await ask('/v1x', 'GET'), '200 upstream');
  assert.equal(await ask('/', 'GET'), '200 upstream');
});

test('what the router answers is not asked again: it retries by itself', async () => {
  asked = 0;
  assert.equal(await ask('/v1/busy'), '503 router /v1/busy');
  assert.equal(asked, 1);
});

test('without a router SQL is refused, and the rest goes on', async () => {
  router.closeAllConnections();
  await new Promise((resolve) => router.close(resolve));
  await eventually(async () =>
    /^50[23] .*UpstreamUnavailable|^503 .*CircuitOpen/.test(await ask('/v1/query')),
  );
  assert.equal(await ask('/', 'GET'), '200 upstream');
});
