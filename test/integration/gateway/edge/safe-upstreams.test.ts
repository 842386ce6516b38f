/** Upstreams are what the cluster file says: no name and no request leads anywhere else. */
// test: light
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import dns from 'node:dns';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { request } from 'undici';
import { installHostResolver } from '../../../../shared/runtime/host-resolver.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../../helpers/gateway.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { startHttpUpstream, type HttpUpstream } from '../../../helpers/http-upstream.ts';

let gateway: TestGateway;
let upstream: HttpUpstream;
const { lookup } = dns;
/** Where clouds keep credentials for whoever asks from the machine. */
const linkLocal = [169, 254, 169, 254].join('.');
/** Addresses that this process has begun to connect to. */
const connectedTo = new Set<string>();

function watchSocket(message: unknown): void {
  const { socket } = message as { socket: Socket };
  socket.on('connectionAttempt', (address) => connectedTo.add(address));
}

before(async () => {
  installHostResolver({ 'fine.test': '127.0.0.1', 'rebound.test': linkLocal });
  upstream = await startHttpUpstream((request_, reply) => {
    if (request_.url === '/away') reply.writeHead(302, { location: `http://${linkLocal}/` });
    reply.end(`${request_.headers.host ?? ''} ${request_.url ?? ''}`);
  });
  const port = new URL(upstream.origin).port;
  const group = (host: string, dnsMs: number, kind = 'none'): object => ({
    targets: [{ url: `http://${host}:${port}` }],
    activeCheck: { kind, intervalMs: 50, unhealthyAfter: 1 },
    dnsMs,
  });
  subscribe('net.client.socket', watchSocket);
  const [address = ''] = loopbackAddresses(1);
  const ids = ['fine', 'rebound', 'fine-dns', 'rebound-dns'];
  const groups = Object.fromEntries(
    ids.map((id) => [id, group(`${id.replace('-dns', '')}.test`, id.endsWith('-dns') ? 100 : 0)]),
  );
  for (const kind of ['http', 'tcp']) groups[`checked-${kind}`] = group('rebound.test', 0, kind);
  gateway = await startTestGateway({
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: {
      groups,
      routes: [
        ...ids.map((id) => ({ id, group: id, match: { path: `/${id}` } })),
        { id: 'rest', group: 'fine' },
      ],
    },
  });
});

after(async () => {
  dns.lookup = lookup;
  unsubscribe('net.client.socket', watchSocket);
  await gateway.stop();
  await upstream.close();
});

async function statusOf(path: string): Promise<number> {
  const { statusCode, body } = await request(`${gateway.origin}${path}`);
  await body.dump();
  return statusCode;
}

test('a name that leads to a link-local address is not connected to', async () => {
  assert.equal(await statusOf('/fine'), 200);
  assert.equal(await statusOf('/fine-dns'), 200);
  assert.equal(await statusOf('/rebound'), 502);
  assert.ok((await statusOf('/rebound-dns')) >= 502);
});

test('nor by the checks of its health', async () => {
  await eventually(async () => {
    const text = await gateway.metrics.registry.metrics();
    return ['http', 'tcp'].every((kind) =>
      text.includes(`meridian_gateway_upstreams{group="checked-${kind}",state="down"} 1`),
    );
  });
  assert.ok(connectedTo.has('127.0.0.1'));
  assert.ok(!connectedTo.has(linkLocal));
});

test('neither Host nor target nor a redirect chooses the upstream', async () => {
  const { body } = await request(`${gateway.origin}/x`, { headers: { host: 'rebound.test' } });
  assert.equal(await body.text(), 'rebound.test /x');
  assert.equal(await statusOf('/away'), 302, 'redirects are the client’s to follow');
});
