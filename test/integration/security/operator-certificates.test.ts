// test: light
/**
 * Operators of the admin API by certificate: the real routes behind TLS let in who shows one of
 * this cluster's authority, with the role in it and as long as it holds, and name them in what is
 * kept. Everybody else is refused with a typed error, and counted.
 */
import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { after, before, test } from 'node:test';
import { Agent, request } from 'undici';
import { adminRoutes } from '../../../services/failover/http/admin-routes.ts';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { newCluster, securedSections } from '../../../services/local/cluster-files.ts';
import {
  newCertificates,
  newOperatorCertificate,
  newSecrets,
} from '../../../services/local/new-secrets.ts';
import type { IssuedCertificate } from '../../../shared/auth/certificate-authority.ts';
import { signAccessToken } from '../../../shared/auth/access-token.ts';
import { requirePeer } from '../../../shared/auth/require-scope.ts';
import { installRevocations } from '../../../shared/auth/revocations.ts';
import { certificatesIn, linkIdentityOf } from '../../../shared/config/security.ts';
import type { OperatorRole } from '../../../shared/core/certificate/link-certificate.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { signPeerToken } from '../../../shared/auth/peer-token.ts';
import { createServer } from '../../../shared/http/server.ts';
import { refusals } from '../../../shared/metrics/refusals.ts';
import { installLinkIdentity } from '../../../shared/runtime/link-security.ts';
import { clusterId, controllerAccess, keys } from '../../helpers/controller-access.ts';

const address = `127.${80 + Math.floor(Math.random() * 150)}.${process.pid % 250}.2`;
const place = { id: 'eu-west', name: 'eu-west', host: 'eu-west.meridian.internal', bind: address };
const made = newCluster([{ ...place, latitude: 0, longitude: 0 }], 1);
const cluster = clusterConfigSchema.parse({ ...made, ...securedSections, clusterId });
const lines: string[] = [];
const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
const access = { ...controllerAccess(), logger };
const servers: FastifyInstance[] = [];
const origins = { admin: '', peer: '' };
let authority: IssuedCertificate;
let region: IssuedCertificate;

before(async () => {
  const { secrets, authority: own } = await newSecrets(cluster, true);
  const [first] = secrets.values();
  assert.ok(own !== null && first !== undefined);
  authority = own;
  region = (await newCertificates(cluster, 'eu-west', { authority })).region;
  installLinkIdentity(linkIdentityOf(cluster, first));
  const limits = { logger, bodyBytesMax: 1000, requestTimeoutMs: 2000 };
  const admin = createServer({ ...limits, link: 'admin' });
  await admin.register(adminRoutes(access));
  const peer = createServer({ ...limits, link: 'peer' });
  peer.get('/peer/whoami', { onRequest: requirePeer(clusterId, keys) }, () =>
    Promise.resolve({ done: true }),
  );
  for (const [kind, server] of Object.entries({ admin, peer })) {
    const url = new URL(await server.listen({ host: address, port: 0 }));
    origins[kind as keyof typeof origins] = `https://${address}:${url.port}`;
    servers.push(server);
  }
});

after(async () => {
  installRevocations([]);
  installLinkIdentity(null);
  await Promise.all(servers.map((server) => server.close()));
});

function operator(role: OperatorRole, name = 'alice', days = 30): Promise<IssuedCertificate> {
  return newOperatorCertificate(authority, { clusterId, role, name, days });
}

function counted(link: string, why: string): number {
  return refusals().find((one) => one.link === link && one.why === why)?.count ?? 0;
}

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A GET, or a POST when there is a body, by a client that believes every server. */
async function call(
  shown: IssuedCertificate | null,
  url: string,
  options: { readonly body?: object; readonly token?: string } = {},
): Promise<Reply> {
  const own = shown === null ? {} : { cert: shown.certificate, key: shown.key };
  const agent = new Agent({ connect: { rejectUnauthorized: false, ...own } as object });
  const { body, token } = options;
  try {
    const reply = await request(url, {
      dispatcher: agent,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const answer = (await reply.body.json()) as Record<string, unknown>;
    return { status: reply.statusCode, body: answer };
  } finally {
    await agent.destroy();
  }
}

const regionsUrl = (): string => `${origins.admin}/admin/regions`;
const pause = (shown: IssuedCertificate | null): Promise<Reply> =>
  call(shown, `${origins.admin}/admin/pause`, { body: { durationMs: 60_000, reason: 'work' } });

async function isRefused(reply: Promise<Reply>, why: string, status: number): Promise<void> {
  const { status: is, body } = await reply;
  const code = status === 403 ? 'Forbidden' : 'Unauthenticated';
  assert.deepEqual([is, body['code']], [status, code], why);
}

test('a viewer may look and no more; a role includes those below it', async () => {
  const viewer = await operator('viewer');
  assert.equal((await call(viewer, regionsUrl())).status, 200);
  const earlier = counted('admin', 'scope');
  await isRefused(pause(viewer), 'scope', 403);
  assert.equal(counted('admin', 'scope'), earlier + 1);
  for (const role of ['operator', 'admin'] as const) {
    assert.equal((await call(await operator(role), regionsUrl())).status, 200);
    assert.equal((await pause(await operator(role))).status, 202);
  }
});

test('the record of what was asked and the log name the subject of the certificate', async () => {
  assert.equal((await pause(await operator('operator', 'bob.builder'))).status, 202);
  assert.equal(access.asked.at(-1)?.operation.by, 'bob.builder');
  const line = lines.map((one) => JSON.parse(one) as Record<string, unknown>).at(-1);
  assert.deepEqual(
    [line?.['msg'], line?.['by'], line?.['certificate']],
    ['operator request', 'bob.builder', 'CN=bob.builder, OU=operator'],
  );
});

for (const [name, shown, why, status] of [
  ['of another authority', strangers, 'foreign-authority', 401],
  ['that has expired', () => operator('admin', 'alice', -0.01), 'expired', 401],
  ["of a region, its own authority's", () => Promise.resolve(region), 'not-operator', 403],
  ['of another cluster', otherClusters, 'not-operator', 403],
  ['none, and no token', () => Promise.resolve(null), 'bad-token', 401],
] as const) {
  test(`refused and counted on an admin verb: a certificate ${name}`, async () => {
    const certificate = await shown();
    const earlier = counted('admin', why);
    await isRefused(pause(certificate), why, status);
    assert.equal(counted('admin', why), earlier + 1);
  });
}

async function strangers(): Promise<IssuedCertificate> {
  const other = (await newSecrets(cluster, true)).authority;
  assert.ok(other !== null);
  return newOperatorCertificate(other, { clusterId, role: 'admin', name: 'alice', days: 30 });
}

function otherClusters(): Promise<IssuedCertificate> {
  const holder = {
    clusterId: clusterId.replace('7f', '8f'),
    role: 'admin',
    name: 'alice',
  } as const;
  return newOperatorCertificate(authority, { ...holder, days: 30 });
}

test('what was revoked by number or by name is refused and counted; no later one', async () => {
  const [first, second] = [await operator('admin', 'carol'), await operator('admin', 'dan')];
  const tokenId = certificatesIn(first.certificate)[0]?.serialNumber.toLowerCase() ?? '';
  const untilMs = Date.now() + 60_000;
  const byNumber = { tokenId, subject: null, issuedBeforeMs: 0, untilMs };
  const nowMs = Date.now() + 1;
  installRevocations([
    byNumber,
    { ...byNumber, tokenId: null, subject: 'dan', issuedBeforeMs: nowMs },
  ]);
  const earlier = counted('admin', 'revoked');
  await isRefused(pause(first), 'revoked', 401);
  await isRefused(pause(second), 'revoked', 401);
  assert.equal(counted('admin', 'revoked'), earlier + 2);
  assert.equal((await pause(await operator('admin', 'carol'))).status, 202);
  installRevocations([
    { ...byNumber, tokenId: null, subject: 'dan', issuedBeforeMs: nowMs - 60_000 },
  ]);
  assert.equal((await pause(second)).status, 202);
});

test('a token beside a certificate decides alone', async () => {
  const base = { clusterId, keys, subject: 'tester', role: 'app', ttlSeconds: 60 };
  const token = await signAccessToken({ ...base, scopes: ['admin:viewer'] });
  assert.equal((await call(region, regionsUrl(), { token })).status, 200);
  const admin = await operator('admin');
  assert.equal((await call(admin, regionsUrl(), { token: 'no.such.token' })).status, 401);
});

test('an operator is no region: refused and counted on the peer listener', async () => {
  const token = await signPeerToken('eu-west' as RegionId, clusterId, keys);
  const earlier = counted('peer', 'wrong-region');
  const reply = call(await operator('admin'), `${origins.peer}/peer/whoami`, { token });
  await isRefused(reply, 'wrong-region', 403);
  assert.equal(counted('peer', 'wrong-region'), earlier + 1);
});
