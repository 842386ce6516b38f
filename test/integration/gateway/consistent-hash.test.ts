/** Consistent hashing: what a request is known by decides on its instance. */
// test: light
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { request } from 'undici';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../helpers/http-upstream.ts';

interface Case {
  readonly hashKey: string;
  readonly path: (key: number) => string;
  readonly headers: (key: number) => Record<string, string>;
}

const nothing = (): Record<string, string> => ({});
const cases: readonly Case[] = [
  { hashKey: 'header:x-key', path: () => '/0', headers: (key) => ({ 'x-key': String(key) }) },
  { hashKey: 'cookie:key', path: () => '/1', headers: (key) => ({ cookie: `a=1; key=${key}` }) },
  { hashKey: 'path', path: (key) => `/2/${key}`, headers: nothing },
  {
    hashKey: 'address',
    path: () => '/3',
    headers: (key) => ({ 'x-forwarded-for': `198.51.100.${key}` }),
  },
];
let upstreams: readonly HttpUpstream[] = [];
let gateway: TestGateway;

before(async () => {
  upstreams = await Promise.all(
    ['one', 'two'].map((name) => startHttpUpstream((_, reply) => reply.end(name))),
  );
  const targets = upstreams.map(({ origin }) => ({ url: origin }));
  const [address = ''] = loopbackAddresses(1);
  gateway = await startTestGateway({
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: {
      trustedProxies: ['127.0.0.0/8'],
      groups: Object.fromEntries(
        cases.map(({ hashKey }, at) => [
          `group-${at}`,
          { targets, algorithm: 'consistent-hash', hashKey },
        ]),
      ),
      routes: cases.map((_, at) => ({
        ...{ id: `route-${at}`, group: `group-${at}`, match: { path: `/${at}` } },
      })),
    },
  });
});

after(async () => {
  await gateway.stop();
  for (const upstream of upstreams) await upstream.close();
});

for (const { hashKey, path, headers } of cases) {
  test(`by ${hashKey}: one key, one instance; many keys, both`, async () => {
    const served = async (key: number): Promise<string> => {
      const reply = await request(`${gateway.origin}${path(key)}`, { headers: headers(key) });
      return reply.body.text();
    };
    const seen = new Set<string>();
    for (let key = 1; key <= 20; key += 1) {
      const name = await served(key);
      assert.equal(await served(key), name);
      seen.add(name);
    }
    assert.deepEqual([...seen].sort(), ['one', 'two']);
  });
}
