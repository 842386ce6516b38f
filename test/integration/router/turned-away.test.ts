/** A node that takes connections and never answers, as a frozen one does. */
// test: light
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { routerConfigSchema } from '../../../services/router/config.ts';
import { NodePools } from '../../../services/router/io/node-pools.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import { systemClock as clock } from '../../../shared/runtime/system-clock.ts';
import { eventually } from '../../helpers/eventually.ts';

const node = 'pg-1' as NodeId;
const sockets: Socket[] = [];
const frozen = createServer((socket) => {
  sockets.push(socket);
  socket.on('error', () => undefined);
});
let pools: NodePools;

before(async () => {
  frozen.listen(0, '127.0.0.1');
  await once(frozen, 'listening');
  const { port } = frozen.address() as AddressInfo;
  const target = {
    host: '127.0.0.1',
    port,
    database: 'app',
    user: 'meridian_router',
    password: 'x',
  };
  const limits = { connectionsMax: 1, connectionsMaxPerRole: 1, connectTimeoutMs: 60_000 };
  const { pools: config } = routerConfigSchema.parse({ pools: limits });
  pools = new NodePools(new Map([[node, target]]), config, clock);
});

after(() => {
  pools.close();
  for (const socket of sockets) socket.destroy();
  frozen.close();
});

test('who waits for a node that is no longer the primary is sent elsewhere at once', async () => {
  const deadlineMs = clock.monotonicMs() + 60_000;
  const first = pools.borrow(node, 'app', deadlineMs);
  const waiting = [1, 2, 3].map(() => pools.borrow(node, 'app', deadlineMs));
  await eventually(() => sockets.length === 1);
  const startedMs = clock.monotonicMs();
  pools.turnAway(node);
  for (const one of waiting) await assert.rejects(one, { code: 'ReplicaUnavailable' });
  assert.ok(clock.monotonicMs() - startedMs < 5000, 'long before the queue ends');
  sockets[0]?.destroy();
  await assert.rejects(first, { code: 'ReplicaUnavailable' });
});
