/** `/primary` and `/replica` for balancers, and what the peer listener tells other regions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { signPeerToken } from '../../../../../shared/auth/peer-token.ts';
import type { ClusterView } from '../../../../../shared/core/cluster-view.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';
import { createServer } from '../../../../../shared/http/server.ts';
import { peerRoutes } from '../../../../../services/failover/http/peer-routes.ts';
import { roleRoutes } from '../../../../../services/failover/http/role-routes.ts';
import {
  clusterId,
  controllerAccess,
  keys,
  replicaReport,
  type AccessOptions,
} from '../../../../helpers/controller-access.ts';

async function serverWith(options: AccessOptions) {
  const access = controllerAccess(options);
  const logger = pino({ level: 'silent' });
  const server = createServer({ logger, bodyBytesMax: 10_000, requestTimeoutMs: 1000 });
  await server.register(roleRoutes(access));
  await server.register(peerRoutes(access));
  return { server, access };
}

const primary: Partial<ClusterView> = { role: 'primary', isOpen: true, leaseValidUntilMs: 100_001 };
const replica: Partial<ClusterView> = { role: 'replica', reports: [replicaReport('eu-west')] };
const cases: [string, Partial<ClusterView>, string, number][] = [
  ['a primary with a lease', primary, '/primary', 200],
  ['a primary whose lease is over', { ...primary, leaseValidUntilMs: 100_000 }, '/primary', 503],
  ['a primary that is not open', { ...primary, isOpen: false }, '/primary', 503],
  ['a replica is no primary', replica, '/primary', 503],
  ['a replica', replica, '/replica', 200],
  ['a replica within the bound', replica, '/replica?lag=40ms', 200],
  ['a replica beyond the bound', replica, '/replica?lag=39', 503],
  ['a bound in seconds', replica, '/replica?lag=1s', 200],
  ['a bound that is none', replica, '/replica?lag=soon', 400],
  ['a primary is no replica', primary, '/replica', 503],
];
for (const [name, view, url, status] of cases) {
  test(`${name}: GET ${url} answers ${status}`, async () => {
    const { server } = await serverWith({ view });
    assert.equal((await server.inject({ url })).statusCode, status);
  });
}

test('other regions read the own report and nothing without a peer token', async () => {
  const { server } = await serverWith({ view: replica });
  assert.equal((await server.inject({ url: '/peer/report' })).statusCode, 401);
  const reply = await server.inject({ url: '/peer/report', headers: await peerHeaders() });
  assert.equal(reply.json<{ id: string }>().id, 'eu-west');
});

test('a checkpoint is given only by a controller that has read the log', async () => {
  const headers = await peerHeaders();
  const { server: starting } = await serverWith({});
  assert.equal((await starting.inject({ url: '/peer/checkpoint', headers })).statusCode, 404);
  const { server: running } = await serverWith({ state: { kind: 'running' } });
  const reply = await running.inject({ url: '/peer/checkpoint', headers });
  assert.equal(reply.json<{ nextOffset: string }>().nextOffset, '0');
});

async function peerHeaders(): Promise<{ authorization: string }> {
  const token = await signPeerToken('us-east' as RegionId, clusterId, keys);
  return { authorization: `Bearer ${token}` };
}
