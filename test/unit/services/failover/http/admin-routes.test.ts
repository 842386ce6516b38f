/** The admin API of the controller: who may ask what, what is answered, and what repeats. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { initialControlState } from '../../../../../shared/core/control/control-state.ts';
import type { Promotion } from '../../../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../../shared/core/lsn.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';
import { createServer } from '../../../../../shared/http/server.ts';
import type { ControllerState } from '../../../../../services/failover/core/controller-state.ts';
import { adminRoutes } from '../../../../../services/failover/http/admin-routes.ts';
import { operationRoutes } from '../../../../../services/failover/http/operation-routes.ts';
import {
  call,
  clusterId,
  controllerAccess,
  replicaReport,
  type AccessOptions,
  type AskedAccess,
} from '../../../../helpers/controller-access.ts';

const epoch = 3 as Epoch;
const cut = { epoch: 2 as Epoch, endLsn: 0x5000n as Lsn };
const operation = {
  id: '0e0e0e0e-0e0e-4e0e-8e0e-0e0e0e0e0e0e',
  by: 'ops',
  reason: 'maintenance',
  atMs: 1_600_000_000_000,
};
const promotion: Promotion = {
  epoch,
  cut,
  safe: cut,
  to: 'eu-west' as RegionId,
  store: 's',
  from: 'us-east' as RegionId,
  source: 'eu-west' as RegionId,
  change: 'switchover',
  attempt: 1,
  isForced: false,
  isQuick: true,
  operation,
  why: 'us-east gave its final seal',
};
const primaryView = {
  epoch,
  primary: 'eu-west' as RegionId,
  history: [promotion],
  reports: [replicaReport('eu-west', { role: 'primary', lagMs: 0, position: cut })],
};
const heard = (heardAtMs: number) => ({ heardAtMs, roundTripsMs: [] });
const state = {
  kind: 'running' as const,
  fold: { ...initialControlState, epoch, primary: 'eu-west' as RegionId, history: [promotion] },
  // This region opened the epoch in this run.
  tenure: { epoch, openedAtMs: 0 } as ControllerState['tenure'],
  peers: [
    { ...heard(99_500), report: replicaReport('us-east', { ageMs: 100 }) },
    { ...heard(90_000), report: replicaReport('ap-south') },
  ],
};

async function serverWith(
  options: AccessOptions = {},
): Promise<{ server: FastifyInstance; access: AskedAccess }> {
  const access = controllerAccess({ state, view: primaryView, ...options });
  const logger = pino({ level: 'silent' });
  const server = createServer({ logger, bodyBytesMax: 10_000, requestTimeoutMs: 1000 });
  await server.register(adminRoutes(access));
  await server.register(operationRoutes(access));
  return { server, access };
}

test('every region is listed with what it said last and how old that is', async () => {
  const { server } = await serverWith();
  const { status, body } = await call(server, '/admin/regions', { scope: 'admin:viewer' });
  assert.equal(status, 200);
  assert.deepEqual([body['cluster'], body['epoch'], body['primary']], [clusterId, 3, 'eu-west']);
  const items = body['items'] as Record<string, unknown>[];
  assert.deepEqual(
    items.map(({ id, role, health, ageMs }) => [id, role, health, ageMs]),
    [
      ['eu-west', 'primary', 'healthy', 0],
      ['us-east', 'replica', 'healthy', 600],
      ['ap-south', 'replica', 'unreachable', 10_000],
    ],
  );
  assert.equal(items[0]?.['position'], '2:0/5000');
  assert.equal(items[0]?.['gatewayUrl'], 'http://127.0.0.2:7080');
  assert.equal(items[0]?.['wireUrl'], null);
});

test('an unknown region is 404 with the known ones named', async () => {
  const { server } = await serverWith();
  const { status, body } = await call(server, '/admin/regions/sa-east');
  assert.equal(status, 404);
  assert.match(String(body['hint']), /eu-west, us-east, ap-south/);
});

test('history says when, from, to, where it was cut, why, and on whose word', async () => {
  const { server } = await serverWith();
  const { body } = await call(server, '/admin/history', { scope: 'admin:viewer' });
  assert.deepEqual((body['items'] as unknown[])[0], {
    epoch: 3,
    change: 'switchover',
    from: 'us-east',
    to: 'eu-west',
    source: 'eu-west',
    cut: '2:0/5000',
    safe: '2:0/5000',
    attempt: 1,
    isForced: false,
    isQuick: true,
    why: promotion.why,
    by: 'ops',
    reason: 'maintenance',
    operationId: operation.id,
    atMs: operation.atMs,
    pauseMs: null,
    rowsLost: 0,
    transactionsLost: 0,
    tails: [],
  });
});

const refusals: [string, Parameters<typeof call>[2], number, string][] = [
  ['a viewer may not change anything', { scope: 'admin:viewer', body: {} }, 403, 'Forbidden'],
  ['a data token is none of an operator', { scope: 'data:write', body: {} }, 403, 'Forbidden'],
  ['unknown fields are refused', { body: { target: 'us-east' } }, 400, 'RequestInvalid'],
  ['an unknown target is named', { body: { to: 'sa-east' } }, 404, 'RequestInvalid'],
];
for (const [name, options, status, code] of refusals) {
  test(name, async () => {
    const { server, access } = await serverWith();
    const reply = await call(server, '/admin/regions/eu-west/failover', options);
    assert.deepEqual([reply.status, reply.body['code']], [status, code]);
    assert.deepEqual(access.asked, []);
  });
}

test('only the primary region can give up its role', async () => {
  const { server } = await serverWith();
  const reply = await call(server, '/admin/regions/us-east/failover', { body: {} });
  assert.deepEqual([reply.status, reply.body['code']], [409, 'NotPrimary']);
  assert.match(String(reply.body['hint']), /regions\/eu-west\/failover/);
});

test('a switchover is accepted as an operation, the same for the same key', async () => {
  const { server, access } = await serverWith();
  const body = { to: 'us-east', reason: 'patching' };
  const headers = { 'idempotency-key': 'k-1' };
  const first = await call(server, '/admin/regions/eu-west/failover', { body, headers });
  const again = await call(server, '/admin/regions/eu-west/failover', { body, headers });
  const other = await call(server, '/admin/regions/eu-west/failover', { body });
  assert.equal(first.status, 202);
  assert.equal(first.location, `/admin/operations/${String(first.body['id'])}`);
  assert.equal(first.body['id'], again.body['id']);
  assert.notEqual(first.body['id'], other.body['id']);
  const request = access.asked[0];
  assert.ok(request?.kind === 'change');
  assert.deepEqual([request.change, request.to, request.force], ['switchover', 'us-east', false]);
  assert.deepEqual(
    [request.operation.by, request.operation.reason, request.operation.atMs],
    ['tester', 'patching', 1_700_000_000_000],
  );
});

test('promote asks for the region itself', async () => {
  const { server, access } = await serverWith();
  await call(server, '/admin/regions/us-east/promote', { body: { kind: 'failover' } });
  const request = access.asked[0];
  assert.ok(request?.kind === 'change');
  assert.deepEqual([request.change, request.to], ['failover', 'us-east']);
  const body = { to: 'ap-south' };
  const reply = await call(server, '/admin/regions/us-east/promote', { body });
  assert.deepEqual([reply.status, reply.body['code']], [400, 'RequestInvalid']);
  assert.equal(access.asked.length, 1);
});

test("the controller's refusal says why, what next, and which operation runs", async () => {
  const { server } = await serverWith({
    answer: () => ({
      kind: 'refused',
      code: 'OperationRunning',
      why: 'a change of primary is under way',
      hint: 'wait for it',
      operationId: operation.id,
    }),
  });
  const reply = await call(server, '/admin/regions/eu-west/failover', { body: {} });
  assert.deepEqual([reply.status, reply.body['code']], [409, 'OperationRunning']);
  assert.equal(reply.body['hint'], 'wait for it');
  assert.deepEqual(reply.body['facts'], { operationId: operation.id });
});

test('a dry run asks for nothing and says whether it would be taken', async () => {
  const { server, access } = await serverWith();
  const body = { to: 'ap-south', dryRun: true };
  const reply = await call(server, '/admin/regions/eu-west/failover', { body });
  assert.equal(reply.status, 200);
  assert.deepEqual([reply.body['allowed'], reply.body['to']], [false, 'ap-south']);
  assert.deepEqual(access.asked, []);
});

test('automatic failover is paused for a time, and resumed', async () => {
  const { server, access } = await serverWith();
  assert.equal((await call(server, '/admin/pause', { body: { durationMs: 10 } })).status, 400);
  await call(server, '/admin/pause', { body: { durationMs: 60_000 } });
  await call(server, '/admin/resume', { body: {} });
  assert.deepEqual(
    access.asked.map((request) => request.kind === 'pause' && request.durationMs),
    [60_000, 0],
  );
});

test('traffic of a region is drained and taken again, each as an operation', async () => {
  const { server, access } = await serverWith();
  const body = { reason: 'patching' };
  const drained = await call(server, '/admin/regions/us-east/drain', { body });
  await call(server, '/admin/regions/us-east/undrain', { body: {} });
  assert.equal(drained.status, 202);
  assert.deepEqual(
    access.asked.map((one) => one.kind === 'traffic' && [one.region, one.isAccepting]),
    [
      ['us-east', false],
      ['us-east', true],
    ],
  );
  assert.equal((await call(server, '/admin/regions/mars/drain', { body: {} })).status, 404);
});

test('an operation that has ended is shown with its result', async () => {
  const { server } = await serverWith();
  const { status, body } = await call(server, `/admin/operations/${operation.id}`);
  assert.equal(status, 200);
  assert.deepEqual([body['phase'], body['percent'], body['by']], ['done', 100, 'ops']);
  const result = {
    ...{ why: promotion.why, from: 'us-east', to: 'eu-west', epoch: 3, cut: '2:0/5000' },
    ...{ writePauseMs: null, rowsLost: 0 },
  };
  assert.deepEqual(body['result'], result);
});

test('a switchover that gave the role back was abandoned', async () => {
  const given = { ...promotion, from: promotion.to, attempt: 2 };
  const { server } = await serverWith({
    state: { ...state, fold: { ...state.fold, history: [given] } },
    view: { ...primaryView, history: [given] },
  });
  const { body } = await call(server, `/admin/operations/${operation.id}`);
  assert.equal(body['phase'], 'abandoned');
});

test('an unknown operation is 404', async () => {
  const { server } = await serverWith();
  const id = '0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f';
  assert.equal((await call(server, `/admin/operations/${id}`)).status, 404);
  assert.equal((await call(server, '/admin/operations/no%20id')).status, 400);
});
