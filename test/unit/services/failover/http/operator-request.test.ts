/** A request that changes something: which operation it is, and keys that are used again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import {
  initialControlState,
  type OperationNoted,
} from '../../../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';
import { createServer } from '../../../../../shared/http/server.ts';
import { adminRoutes } from '../../../../../services/failover/http/admin-routes.ts';
import { call, controllerAccess, type AskedAccess } from '../../../../helpers/controller-access.ts';

const primary = 'eu-west' as RegionId;
const path = '/admin/regions/eu-west/failover';
const body = { to: 'us-east' };
const headers = { 'idempotency-key': 'k-1' };

/** A region that has read the record of operation `id`; of none when it is null. */
async function serverThatKnows(
  id: string | null,
): Promise<{ server: FastifyInstance; access: AskedAccess }> {
  const noted = (known: string): OperationNoted => ({
    verb: 'switchover',
    region: primary,
    epoch: 3 as Epoch,
    attempt: 1,
    isForced: false,
    operation: { id: known, by: 'tester', reason: '', atMs: 1_600_000_000_000 },
  });
  const operations = id === null ? [] : [noted(id)];
  const fold = { ...initialControlState, epoch: 3 as Epoch, primary, operations };
  const access = controllerAccess({ state: { kind: 'running', fold } });
  const logger = pino({ level: 'silent' });
  const server = createServer({ logger, bodyBytesMax: 10_000, requestTimeoutMs: 1000 });
  await server.register(adminRoutes(access));
  return { server, access };
}

test('a key that was used for another request is refused, and names the operation', async () => {
  const first = await call((await serverThatKnows(null)).server, path, { body, headers });
  const id = String(first.body['id']);
  const { server, access } = await serverThatKnows(id);
  for (const [otherPath, other] of [
    [path, { to: 'ap-south' }],
    [path, { ...body, reason: 'patching' }],
    ['/admin/resume', {}],
  ] as const) {
    const reply = await call(server, otherPath, { body: other, headers });
    assert.deepEqual([reply.status, reply.body['code']], [422, 'RequestInvalid']);
    assert.deepEqual(reply.body['facts'], { operationId: id });
  }
  const same = await call(server, path, { body, headers });
  assert.deepEqual([same.status, same.body['id']], [202, id]);
  assert.deepEqual(access.asked, []);
});

test('another key asks for another operation', async () => {
  const first = await call((await serverThatKnows(null)).server, path, { body, headers });
  const { server, access } = await serverThatKnows(String(first.body['id']));
  const otherKey = { 'idempotency-key': 'k-2' };
  assert.equal((await call(server, path, { body, headers: otherKey })).status, 202);
  assert.equal(access.asked.length, 1);
});
