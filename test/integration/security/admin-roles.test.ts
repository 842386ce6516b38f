// test: light
/** Every admin verb by every kind of token: the table names all routes, each asks for its role. */
import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { after, before, test } from 'node:test';
import { adminRoutes } from '../../../services/failover/http/admin-routes.ts';
import { divergedRoutes } from '../../../services/failover/http/diverged-routes.ts';
import { operationRoutes } from '../../../services/failover/http/operation-routes.ts';
import { tokenRoutes } from '../../../services/failover/http/token-routes.ts';
import { adminRoutes as gatewayRoutes } from '../../../services/gateway/http/admin-routes.ts';
import { signAccessToken, type Scope } from '../../../shared/auth/access-token.ts';
import { requireScope } from '../../../shared/auth/require-scope.ts';
import { inspectionRoutes } from '../../../shared/http/health-routes.ts';
import { createServer } from '../../../shared/http/server.ts';
import { createMetrics } from '../../../shared/metrics/metrics.ts';
import { clusterId, controllerAccess, keys } from '../../helpers/controller-access.ts';
import { adminRoles, type AdminRole } from './admin-roles.ts';

let server: FastifyInstance;
const found: string[] = [];

before(async () => {
  const logger = pino({ level: 'silent' });
  server = createServer({ logger, bodyBytesMax: 10_000, requestTimeoutMs: 1000 });
  server.addHook('onRoute', ({ method, url }) => {
    for (const one of [method].flat()) if (one !== 'HEAD') found.push(`${one} ${url}`);
  });
  const access = controllerAccess();
  for (const routes of [adminRoutes, operationRoutes, divergedRoutes, tokenRoutes]) {
    await server.register(routes(access));
  }
  const scope = (name: Scope) => requireScope(name, clusterId, keys);
  const nothing = (): readonly unknown[] => [];
  await server.register(
    gatewayRoutes({
      requireViewer: scope('admin:viewer'),
      requireOperator: scope('admin:operator'),
      requireRegister: scope('upstream:register'),
      explain: () => ({}),
      ...{ routes: nothing, upstreams: nothing, breakers: nothing, resetBreakers: () => 0 },
      register: () => Promise.resolve(),
      unregister: () => Promise.resolve(),
      reloadGeo: () => Promise.resolve(),
    }),
  );
  await server.register(
    inspectionRoutes({
      readiness: () => Promise.resolve({ ready: true, checks: [] }),
      deep: () => Promise.resolve({}),
      metrics: createMetrics(),
      requireViewer: scope('admin:viewer'),
      isDraining: () => false,
    }),
  );
  await server.ready();
});

after(() => server.close());

const grants: Readonly<Record<string, readonly AdminRole[]>> = {
  'data:read': [],
  'data:write': [],
  'upstream:register': ['register'],
  'admin:viewer': ['viewer'],
  'admin:operator': ['viewer', 'operator', 'register'],
  'admin:admin': ['viewer', 'operator', 'admin', 'register'],
};

async function statusOf(route: string, headers: Record<string, string>): Promise<number> {
  const [method = '', pattern = ''] = route.split(' ');
  // A malformed event stream would be left open: an operation that nobody knows is 404.
  const url = pattern.replaceAll(/:\w+/g, '1');
  const reply = await server.inject({ method: method as 'GET', url, headers });
  return reply.statusCode;
}

test('the table names every admin route, and no other', () => {
  assert.deepEqual([...new Set(found)].sort(), Object.keys(adminRoles).sort());
});

for (const [scope, roles] of Object.entries(grants)) {
  test(`a token of ${scope} passes where its role is asked for, nowhere else`, async () => {
    const base = { clusterId, keys, subject: 'tester', role: 'app', ttlSeconds: 60 };
    const token = await signAccessToken({ ...base, scopes: [scope as Scope] });
    const headers = { authorization: `Bearer ${token}` };
    for (const [route, role] of Object.entries(adminRoles)) {
      const isRefused = (await statusOf(route, headers)) === 403;
      assert.equal(isRefused, !roles.includes(role), route);
    }
  });
}

test("without a token, or with another cluster's, every verb is refused", async () => {
  const other = await signAccessToken({
    ...{ clusterId: 'another', keys, subject: 'x', role: 'app', ttlSeconds: 60 },
    scopes: ['admin:admin'],
  });
  for (const route of Object.keys(adminRoles)) {
    assert.equal(await statusOf(route, {}), 401, route);
    assert.equal(await statusOf(route, { authorization: `Bearer ${other}` }), 401, route);
  }
});

test('confirmed writes are given up by an admin only; anybody who operates may look', async () => {
  const call = async (scope: Scope, dryRun: boolean): Promise<number> => {
    const base = { clusterId, keys, subject: 'tester', role: 'app', ttlSeconds: 60 };
    const token = await signAccessToken({ ...base, scopes: [scope] });
    const payload = { to: 'us-east', kind: 'failover', force: true, acceptDataLoss: true, dryRun };
    const reply = await server.inject({
      ...{ method: 'POST', url: '/admin/regions/eu-west/failover', payload },
      headers: { authorization: `Bearer ${token}` },
    });
    return reply.statusCode;
  };
  assert.equal(await call('admin:operator', false), 403);
  assert.equal(await call('admin:admin', false), 202);
  assert.equal(await call('admin:operator', true), 200);
});
