/** An upstream that says nothing in time has failed; one whose client was in a hurry has not. */
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

const limits = ['headersMs', 'totalMs'] as const;
const nameOf = (limit: string): string => limit.toLowerCase();
let upstream: HttpUpstream;
let gateway: TestGateway;

before(async () => {
  upstream = await startHttpUpstream(() => undefined);
  const group = { targets: [{ url: upstream.origin }], activeCheck: { kind: 'none' } };
  const [address = ''] = loopbackAddresses(1);
  gateway = await startTestGateway({
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: {
      groups: Object.fromEntries(limits.map((limit) => [nameOf(limit), group])),
      routes: limits.map((limit) => ({
        ...{ id: nameOf(limit), group: nameOf(limit), match: { path: `/${limit}` } },
        ...{ timeouts: { [limit]: 100 }, retry: { attemptsMax: 1 } },
      })),
    },
  });
});

after(async () => {
  await gateway.stop();
  await upstream.close();
});

for (const limit of limits) {
  test(`${limit}: five time-outs open the breaker, five hurried clients do not`, async () => {
    const ask = async (headers: Record<string, string> = {}): Promise<string> => {
      const reply = await request(`${gateway.origin}/${limit}`, { headers });
      return `${reply.statusCode} ${((await reply.body.json()) as { code: string }).code}`;
    };
    const five = (headers = {}): Promise<string[]> =>
      Promise.all(Array.from({ length: 5 }, () => ask(headers)));
    const hurried = await five({ 'meridian-deadline-ms': '20' });
    assert.deepEqual([...new Set(hurried)], ['504 DeadlineExceeded']);
    const timedOut = await five();
    assert.ok(timedOut.every((answer) => answer.startsWith('504 ')));
    assert.equal(await ask(), '503 CircuitOpen');
  });
}
