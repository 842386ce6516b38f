/** Clients over TLS that go on asking a gateway while it takes leave of them, without a retry. */
// test: light
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Agent, request } from 'undici';
import { makeCertificate } from '../../../helpers/edge/certificate.ts';
import { eventually } from '../../../helpers/eventually.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../../helpers/http-upstream.ts';

const address = loopbackAddresses(1)[0] ?? '';
let folder: string;
let upstream: HttpUpstream;
/** How often each request that changes something has come to the upstream. */
const writes = new Map<string, number>();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-notice-'));
  await makeCertificate(certificate(), [`IP:${address}`]);
  upstream = await startHttpUpstream((request_, reply) => {
    const path = request_.url ?? '';
    if (request_.method === 'POST') writes.set(path, (writes.get(path) ?? 0) + 1);
    request_.resume();
    request_.on('end', () => setTimeout(() => reply.end(path), 5));
  });
});

after(async () => {
  await upstream.close();
  await rm(folder, { recursive: true });
});

function certificate(): { readonly certPath: string; readonly keyPath: string } {
  return { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') };
}

function startGateway(): Promise<TestGateway> {
  const cluster = testCluster({ 'eu-west': address });
  const config = {
    groups: { default: { targets: [{ url: upstream.origin }], activeCheck: { kind: 'none' } } },
    routes: [{ id: 'default', group: 'default' }],
    tls: certificate(),
    drainNoticeMs: 1000,
  };
  return startTestGateway({ cluster, region: 'eu-west', secrets: testSecrets('eu-west'), config });
}

for (const protocol of ['HTTP/1.1', 'HTTP/2'] as const) {
  test(`every request of the notice is answered once, by ${protocol}`, async () => {
    const gateway = await startGateway();
    const connect = { rejectUnauthorized: false };
    const agent = new Agent({ connect, allowH2: protocol === 'HTTP/2', connections: 4 });
    const failures: string[] = [];
    let [replies, isOver] = [0, false];
    const ask = async (method: 'GET' | 'POST', path: string): Promise<void> => {
      const body = method === 'POST' ? 'x'.repeat(1000) : null;
      const reply = await request(`${gateway.origin}${path}`, { dispatcher: agent, method, body });
      const text = await reply.body.text();
      if (reply.statusCode !== 200 || text !== path) failures.push(`${reply.statusCode} ${text}`);
      replies += 1;
    };
    const loop = async (method: 'GET' | 'POST', client: number): Promise<void> => {
      for (let n = 0; !isOver; n += 1) {
        const path = `/${protocol}/${String(client)}/${String(n)}`;
        await ask(method, path).catch((error: unknown) => failures.push(`${method} ${error}`));
      }
    };
    const clients = Array.from({ length: 12 }, (_, n) => loop(n % 2 === 0 ? 'GET' : 'POST', n));
    await eventually(() => replies > 100);
    const soFar = replies;
    await gateway.service.announceEnd();
    isOver = true;
    await Promise.all(clients);
    await gateway.stop();
    await agent.destroy();
    assert.deepEqual(failures, []);
    assert.ok(replies > soFar + 12, 'served until the notice was over');
    const twice = [...writes].filter(([, times]) => times > 1);
    assert.deepEqual(twice, [], 'no write was made twice');
  });
}
