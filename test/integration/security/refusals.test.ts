/**
 * What comes without the right credentials is refused with a typed error, and counted: on a peer
 * listener, the region link and an admin listener as every process has them, and by their clients.
 */
import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { Agent, request } from 'undici';
import { WebSocket } from 'ws';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { wasNotSent } from '../../../services/gateway/io/attempt.ts';
import { createUpstreamClient } from '../../../services/gateway/io/upstream-client.ts';
import { newCluster, securedSections } from '../../../services/local/cluster-files.ts';
import { newCertificates, newSecrets } from '../../../services/local/new-secrets.ts';
import { LinkServer, linkPath } from '../../../services/replicator/io/link/link-server.ts';
import type { LinkSource } from '../../../services/replicator/io/link/link-session.ts';
import { signAccessToken } from '../../../shared/auth/access-token.ts';
import { signPeerToken } from '../../../shared/auth/peer-token.ts';
import { requirePeer, requireScope } from '../../../shared/auth/require-scope.ts';
import { linkIdentityOf } from '../../../shared/config/security.ts';
import type { Secrets } from '../../../shared/config/secrets-schema.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { createPeerClient } from '../../../shared/http/peer-client.ts';
import { createServer } from '../../../shared/http/server.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { createMetrics } from '../../../shared/metrics/metrics.ts';
import { refusals } from '../../../shared/metrics/refusals.ts';
import { installLinkIdentity } from '../../../shared/runtime/link-security.ts';
import { eventually } from '../../helpers/eventually.ts';

const below = (bound: number): number => 1 + Math.floor(Math.random() * bound);
const network = `127.${80 + below(150)}.${below(250)}`;
const regions = ['eu-west', 'us-east'].map((id, index) => {
  const bind = `${network}.${2 + index}`;
  return { id, name: id, host: `${id}.meridian.internal`, bind, latitude: 0, longitude: 0 };
});
const cluster = clusterConfigSchema.parse({ ...newCluster(regions, 1), ...securedSections });
const { clusterId } = cluster;
const address = regions[0]?.bind ?? '';
const logger = createLogger({ service: 'test', region: 'eu-west', level: 'fatal' as 'error' });

let eu: Secrets;
let us: Secrets;
let expired: { certificate: string; key: string };
let stranger: Secrets;
const servers: FastifyInstance[] = [];
const origins = { peer: '', admin: '' };

before(async () => {
  const made = await newSecrets(cluster, true);
  assert.ok(made.authority !== null);
  [eu, us] = ['eu-west', 'us-east'].map((id) => made.secrets.get(id)) as [Secrets, Secrets];
  const by = { authority: made.authority, days: -0.01 };
  expired = (await newCertificates(cluster, 'us-east', by)).region;
  stranger = (await newSecrets(cluster, true)).secrets.get('us-east') as Secrets;
  installLinkIdentity(linkIdentityOf(cluster, eu));
  const limits = { logger, bodyBytesMax: 1000, requestTimeoutMs: 2000 };
  const peer = createServer({ ...limits, link: 'peer' });
  const onRequest = requirePeer(clusterId, eu.shared.peerKeys);
  peer.get('/peer/whoami', { onRequest }, (call) => Promise.resolve({ is: call.peerRegion }));
  const source = {} as LinkSource;
  new LinkServer({ clusterId, peerKeys: eu.shared.peerKeys, logger, source }).attach(peer.server);
  const admin = createServer({ ...limits, link: 'admin' });
  const operator = { onRequest: requireScope('admin:operator', clusterId, eu.shared.accessKeys) };
  admin.post('/admin/verb', operator, () => Promise.resolve({ done: true }));
  for (const [kind, server] of Object.entries({ peer, admin })) {
    const url = new URL(await server.listen({ host: address, port: 0 }));
    origins[kind as keyof typeof origins] = `https://${address}:${url.port}`;
    servers.push(server);
  }
});

afterEach(() => installLinkIdentity(linkIdentityOf(cluster, eu)));

after(async () => {
  installLinkIdentity(null);
  await Promise.all(servers.map((server) => server.close()));
});

function counted(link: string, why: string): number {
  return refusals().find((one) => one.link === link && one.why === why)?.count ?? 0;
}

interface Shown {
  readonly certificate?: string;
  readonly key?: string;
}

/** A call with any certificate and token, by a client that believes every server. */
async function call(shown: Shown, token: string, target = `${origins.peer}/peer/whoami`) {
  const { certificate: cert, key } = shown;
  const tls = { rejectUnauthorized: false, ...(cert === undefined ? {} : { cert, key }) };
  const agent = new Agent({ connect: tls as object });
  try {
    const method = target.includes('/admin/') ? 'POST' : 'GET';
    const headers = { authorization: `Bearer ${token}` };
    const reply = await request(target, { dispatcher: agent, method, headers });
    return { status: reply.statusCode, body: (await reply.body.json()) as Record<string, unknown> };
  } finally {
    await agent.destroy();
  }
}

const tokenOf = (region: string): Promise<string> =>
  signPeerToken(region as RegionId, clusterId, eu.shared.peerKeys);
const certificateOf = (secrets: Secrets): Shown => secrets.own.certificates?.region ?? {};

test('a region with its own certificate and token is let in', async () => {
  const { status, body } = await call(certificateOf(us), await tokenOf('us-east'));
  assert.deepEqual([status, body['is']], [200, 'us-east']);
});

for (const [name, shown, claims, why, code] of [
  ['no certificate', () => ({}), 'us-east', 'no-certificate', 'Unauthenticated'],
  ['of another authority', () => certificateOf(stranger), 'us-east', 'foreign-authority', ''],
  ['an expired certificate', () => expired, 'us-east', 'expired', ''],
  ['of region A that claims B', () => certificateOf(us), 'eu-west', 'wrong-region', 'Forbidden'],
  ['of the Kafka node', () => us.own.certificates?.broker ?? {}, 'us-east', 'wrong-region', ''],
] as const) {
  test(`a peer is refused and counted: ${name}`, async () => {
    const earlier = counted('peer', why);
    const { status, body } = await call(shown(), await tokenOf(claims));
    const facts = body['facts'] as Record<string, unknown>;
    const expectedCode = why === 'wrong-region' ? 'Forbidden' : 'Unauthenticated';
    assert.equal(body['code'], code === '' ? expectedCode : code);
    assert.equal(status, expectedCode === 'Forbidden' ? 403 : 401);
    assert.equal(facts['why'], why);
    assert.equal(counted('peer', why), earlier + 1);
  });
}

for (const [how, end] of [
  ['resets', (socket: Socket) => socket.resetAndDestroy()],
  ['ends', (socket: Socket) => socket.destroy()],
] as const) {
  test(`nothing was sent to a peer that ${how} the connection before it is secured`, async () => {
    const server = createTcpServer((socket) => socket.once('data', () => void end(socket)));
    await new Promise<void>((resolve) => server.listen({ host: address, port: 0 }, resolve));
    const origin = `https://${address}:${String((server.address() as AddressInfo).port)}`;
    const { peerKeys } = eu.shared;
    const client = createPeerClient({ region: 'us-east' as RegionId, clusterId, peerKeys });
    const limits = { connectionsMax: 1, connectMs: 5000 };
    const upstream = createUpstreamClient({ origin, tls: null, ...limits });
    try {
      const asked = client.request(origin, { method: 'POST', path: '/', timeoutMs: 5000 });
      await assert.rejects(asked, ({ details }: { details: Record<string, unknown> }) => {
        assert.equal(details['wasSent'], false);
        return true;
      });
      const error = await new Promise<Error>((resolve) => {
        const post = { method: 'POST', path: '/', headers: [], body: null };
        const handler = {
          ...{ onRequestStart: () => undefined, onResponseStart: () => undefined },
          ...{ onResponseData: () => undefined, onResponseEnd: () => undefined },
          onResponseError: (_: unknown, failure: Error) => resolve(failure),
        };
        upstream.send({ ...post, headersMs: 5000, idleMs: 5000 }, handler);
      });
      assert.ok(wasNotSent(error), String(error));
    } finally {
      await Promise.all([client.close(), upstream.destroy()]);
      await new Promise((resolve) => server.close(resolve));
    }
  });
}

test('a peer token of unknown keys is refused and counted', async () => {
  const forged = await signPeerToken('us-east' as RegionId, clusterId, stranger.shared.peerKeys);
  const earlier = counted('peer', 'bad-token');
  const { body } = await call(certificateOf(us), forged);
  assert.equal(body['code'], 'Unauthenticated');
  assert.equal(counted('peer', 'bad-token'), earlier + 1);
});

test('a region link of A that claims B is refused and counted', async () => {
  const { certificate: cert, key } = certificateOf(us);
  const headers = { authorization: `Bearer ${await tokenOf('eu-west')}` };
  const url = `${origins.peer.replace('http', 'ws')}${linkPath}`;
  const earlier = counted('peer', 'wrong-region');
  const socket = new WebSocket(url, { headers, rejectUnauthorized: false, cert, key });
  const answer = await new Promise<string>((resolve) => {
    socket.on('open', () => resolve('open'));
    socket.on('error', (error) => resolve(error.message));
  });
  assert.match(answer, /401/);
  assert.equal(counted('peer', 'wrong-region'), earlier + 1);
});

test('plain text on a TLS port is refused and counted', async () => {
  const earlier = counted('peer', 'plain-text');
  const socket = connect(Number(new URL(origins.peer).port), address);
  socket.on('error', () => undefined);
  socket.write('GET /peer/whoami HTTP/1.1\r\nhost: x\r\n\r\n');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.on('close', resolve));
  assert.doesNotMatch(Buffer.concat(chunks).toString('latin1'), /HTTP\/1\.1 200/);
  await eventually(() => counted('peer', 'plain-text') === earlier + 1);
});

test('a data token on an admin verb is refused and counted; the metric shows it', async () => {
  const base = { clusterId, keys: eu.shared.accessKeys, subject: 'thief', role: 'app' };
  const scopes = ['data:read', 'data:write'] as const;
  const token = await signAccessToken({ ...base, scopes, ttlSeconds: 60 });
  const earlier = counted('admin', 'scope');
  const { status, body } = await call({}, token, `${origins.admin}/admin/verb`);
  assert.deepEqual([status, body['code']], [403, 'Forbidden']);
  assert.equal(counted('admin', 'scope'), earlier + 1);
  const text = await createMetrics().registry.metrics();
  assert.match(text, /^meridian_refusals_total\{link="admin",why="scope"\} \d+$/m);
});

for (const [name, identity, dialled, why] of [
  ['of another authority', () => linkIdentityOf(cluster, stranger), address, 'foreign-authority'],
  [
    "of another region than the address's",
    () => {
      const real = linkIdentityOf(cluster, us);
      const moved = new Map(real?.regionsByHost).set(address, 'us-east' as RegionId);
      return real === null ? null : { ...real, regionsByHost: moved };
    },
    address,
    'wrong-region',
  ],
] as const) {
  test(`a client refuses a server ${name}, and counts it`, async () => {
    // Servers keep what they have: only this client's side is another's.
    for (const { server } of servers) server.removeAllListeners('close');
    const earlier = counted('peer', why);
    const port = new URL(origins.peer).port;
    const own = linkIdentityOf(cluster, eu);
    const client = createPeerClient({
      region: 'us-east' as RegionId,
      clusterId,
      peerKeys: eu.shared.peerKeys,
    });
    const target = identity();
    assert.ok(own !== null && target !== null);
    installLinkIdentity({
      ...own,
      authority: target.authority,
      regionsByHost: target.regionsByHost,
    });
    const asked = client.request(`https://${dialled}:${port}`, {
      method: 'GET',
      path: '/peer/whoami',
      timeoutMs: 2000,
    });
    await assert.rejects(asked, (error: { code: string; details: Record<string, unknown> }) => {
      assert.equal(error.code, 'UpstreamUnavailable');
      assert.deepEqual([error.details['wasSent'], error.details['why']], [false, why]);
      return true;
    });
    await client.close();
    assert.equal(counted('peer', why), earlier + 1);
  });
}
