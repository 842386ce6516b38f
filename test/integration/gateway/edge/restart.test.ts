/** A gateway process that stops, and one that takes over from it, as clients see them. */
// test: light
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Agent, request } from 'undici';
import { migrateConnections, startSteadyClients } from '../../../helpers/edge/steady-clients.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { startGatewayProcess, type GatewayProcess } from '../../../helpers/gateway-process.ts';
import { loopbackAddresses, testCluster, testSecrets } from '../../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../../helpers/http-upstream.ts';
import {
  closedOf,
  messageOf,
  openWebSocket,
  startWebSocketUpstream,
  type WebSocketUpstream,
} from '../../../helpers/edge/web-socket.ts';

let upstream: HttpUpstream;
let echo: WebSocketUpstream;
const processes: GatewayProcess[] = [];

before(async () => {
  upstream = await startHttpUpstream((request_, reply) => {
    const ms = Number(/\d+$/.exec(request_.url ?? '')?.[0] ?? 0);
    const timer = setTimeout(() => reply.end('done'), ms);
    reply.on('close', () => clearTimeout(timer));
  });
  echo = await startWebSocketUpstream();
});

after(async () => {
  await Promise.all(processes.map((process) => process.kill()));
  await Promise.all([upstream.close(), echo.close()]);
});

/** Starts processes of one and the same gateway. */
function gatewayOf(more: object): () => Promise<GatewayProcess> {
  const [address = ''] = loopbackAddresses(1);
  const group = (origin: string): object => ({
    targets: [{ url: origin }],
    activeCheck: { kind: 'none' },
  });
  const options = {
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: {
      groups: { default: group(upstream.origin), echo: group(echo.origin) },
      routes: [
        { id: 'echo', group: 'echo', match: { path: '/echo' } },
        { id: 'default', group: 'default' },
      ],
      ...more,
    },
  };
  return async () => {
    const started = await startGatewayProcess(options);
    processes.push(started);
    return started;
  };
}

test('readiness fails first; everything is served until the notice is over', async () => {
  const gateway = await gatewayOf({ drainNoticeMs: 1000 })();
  const agent = new Agent({ connections: 1 });
  const first = await request(gateway.origin, { dispatcher: agent });
  await first.body.text();
  assert.equal(first.headers.connection, 'keep-alive');
  const slow = request(`${gateway.origin}/1500`).then(({ body }) => body.text());
  const ended = gateway.end();
  const ready = (): Promise<number> =>
    request(`${gateway.origin}/health/ready`).then(async ({ statusCode, body }) => {
      await body.dump();
      return statusCode;
    });
  await eventually(async () => (await ready()) === 503, { intervalMs: 20 });
  const reply = await request(gateway.origin, { dispatcher: agent });
  assert.equal(await reply.body.text(), 'done');
  assert.equal(reply.headers.connection, 'close');
  await eventually(() => ready().then(Boolean, () => 'refused'), { intervalMs: 20 });
  assert.equal(await slow, 'done', 'what was under way is finished');
  assert.equal(await ended, 0);
  await assert.rejects(request(gateway.origin), /ECONNREFUSED/);
  await agent.close();
});

test('what does not end in time is cut, and the process ends', async () => {
  const gateway = await gatewayOf({ drainNoticeMs: 0, drainMs: 300 })();
  const hanging = request(`${gateway.origin}/60000`).then(({ body }) => body.text());
  const isCut = assert.rejects(hanging);
  await eventually(() => gateway.metric('meridian_gateway_in_flight_requests'));
  const startedMs = performance.now();
  assert.equal(await gateway.end(), 0);
  assert.ok(performance.now() - startedMs < 5000);
  await isCut;
});

test('a second process takes over without a failed request', async (context) => {
  const migration = await migrateConnections();
  context.after(() => migration.restore());
  const start = gatewayOf({ reusePort: true, drainNoticeMs: 500 });
  const old = await start();
  const load = startSteadyClients(`${old.origin}/5`);
  const socket = await openWebSocket(`${old.origin}/echo`);
  const end = closedOf(socket);
  await eventually(() => load.replies > 200);
  const next = await start();
  assert.equal(await old.end(), 0);
  assert.equal((await end).code, 1012);
  const again = await openWebSocket(`${next.origin}/echo`);
  again.send('back');
  assert.equal(await messageOf(again), 'back');
  again.terminate();
  const soFar = load.replies;
  await eventually(() => load.replies > soFar + 200);
  await load.stop();
  // Without it, only connections that were made in that very moment and had carried nothing.
  const kept = load.failures.filter((why) => !why.includes('connect ECONNRESET'));
  assert.deepEqual(migration.isOn ? load.failures : kept, []);
  assert.ok(load.failures.length <= load.replies / 100, load.failures.join());
  assert.ok((await next.metric('meridian_gateway_requests_total')) > 200);
});
