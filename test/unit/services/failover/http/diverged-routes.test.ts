import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { divergedRoutes } from '../../../../../services/failover/http/diverged-routes.ts';
import { signAccessToken, type Scope } from '../../../../../shared/auth/access-token.ts';
import { createServer } from '../../../../../shared/http/server.ts';
import { clusterId, controllerAccess, keys } from '../../../../helpers/controller-access.ts';

const kept = [1, 2, 3].map((ordinal) => ({ region: 'us-east', epoch: 2, ordinal }));

async function call(
  path: string,
  options: { scope?: Scope; post?: boolean; diverged?: typeof kept } = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { scope = 'admin:admin', post = false, diverged = kept } = options;
  const logger = pino({ level: 'silent' });
  const server = createServer({ logger, bodyBytesMax: 10_000, requestTimeoutMs: 1000 });
  await server.register(divergedRoutes(controllerAccess({ diverged })));
  const base = { clusterId, keys, subject: 'tester', role: 'app', ttlSeconds: 60 };
  const token = await signAccessToken({ ...base, scopes: [scope] });
  const method = post ? 'POST' : 'GET';
  const headers = { authorization: `Bearer ${token}` };
  const reply = await server.inject({ method, url: path, headers });
  return { status: reply.statusCode, body: reply.json() };
}

test('rows come in pages, and the last one says so', async () => {
  const first = await call('/admin/diverged/us-east/2?limit=2');
  assert.deepEqual(first.body, { items: kept.slice(0, 2), next: 2 });
  const rest = await call('/admin/diverged/us-east/2?limit=2&after=2');
  assert.deepEqual(rest.body, { items: kept.slice(2), next: null });
});

test('what one node alone held is found by its name', async () => {
  const { status, body } = await call('/admin/diverged/us-east/pg-1/2');
  assert.deepEqual([status, body['next']], [200, null]);
  for (const name of ['pg-0', 'pg-x', 'node']) {
    assert.equal((await call(`/admin/diverged/us-east/${name}/2`)).status, 400);
  }
  const discarded = await call('/admin/diverged/us-east/pg-1/2/discard', { post: true });
  const kind = { region: 'us-east', node: 'us-east/pg-1', epoch: 2, discarded: 3 };
  assert.deepEqual(discarded.body, kind);
});

test('what is not kept is 404', async () => {
  const options = { diverged: [] };
  assert.equal((await call('/admin/diverged/us-east/9', options)).status, 404);
  const discard = '/admin/diverged/us-east/9/discard';
  assert.equal((await call(discard, { ...options, post: true })).status, 404);
});

test('an admin discards, an operator does not', async () => {
  const path = '/admin/diverged/us-east/2/discard';
  assert.equal((await call(path, { post: true, scope: 'admin:operator' })).status, 403);
  const { body } = await call(path, { post: true });
  assert.deepEqual(body, { region: 'us-east', epoch: 2, discarded: 3 });
});
