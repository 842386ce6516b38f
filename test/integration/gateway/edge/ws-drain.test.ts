/** WebSockets while their gateway stops: every client is told, nothing it has sent is lost. */
// test: light
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { WebSocket } from 'ws';
import { eventually } from '../../../helpers/eventually.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../../helpers/gateway.ts';
import {
  closedOf,
  messageOf,
  openWebSocket,
  refusedWebSocket,
  startWebSocketUpstream,
  type Closed,
  type WebSocketUpstream,
} from '../../../helpers/edge/web-socket.ts';

let echo: WebSocketUpstream;
let slow: WebSocketUpstream;
let pieces = 0;
const gateways: TestGateway[] = [];

before(async () => {
  echo = await startWebSocketUpstream();
  // A message that takes its time: ten pieces of one frame, far apart.
  slow = await startWebSocketUpstream({}, (socket, request) => {
    const stream = request.socket;
    stream.write(Buffer.from([0x82, 126, 0, 200]));
    pieces = 0;
    const timer = setInterval(() => {
      pieces += 1;
      stream.write(Buffer.alloc(20, pieces));
      if (pieces === 10) clearInterval(timer);
    }, 30);
    socket.on('close', () => clearInterval(timer));
  });
});

after(async () => {
  await Promise.all(gateways.map((gateway) => gateway.stop()));
  await Promise.all([echo.close(), slow.close()]);
});

async function gateway(): Promise<TestGateway> {
  const [address = ''] = loopbackAddresses(1);
  const groups = Object.fromEntries(
    Object.entries({ echo, slow }).map(([name, { origin }]) => [
      name,
      { targets: [{ url: origin }], activeCheck: { kind: 'none' } },
    ]),
  );
  const started = await startTestGateway({
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: {
      groups,
      routes: ['echo', 'slow'].map((id) => ({ id, group: id, match: { path: `/${id}` } })),
    },
  });
  gateways.push(started);
  return started;
}

function reconnectMs({ code, reason }: Closed): number {
  assert.equal(code, 1012);
  return Number(/^restart, reconnect in (\d+) ms$/.exec(reason)?.[1] ?? NaN);
}

test('clients are told to come back, spread over time; what they sent arrives', async () => {
  const { origin, service, metrics } = await gateway();
  const clients: WebSocket[] = [];
  for (let i = 0; i < 200; i += 1) clients.push(await openWebSocket(`${origin}/echo`));
  const shown = await metrics.registry.metrics();
  assert.match(shown, /^meridian_gateway_connections\{kind="websocket"\} 200$/m);
  assert.match(shown, /^meridian_gateway_connections\{kind="all"\} 200$/m);
  const { received, closed } = echo.last ?? assert.fail('no conversation');
  const ends = clients.map((client) => closedOf(client));
  const last = clients.at(-1);
  const drained = service.drain();
  for (let i = 0; i < 50; i += 1) last?.send(String(i));
  const delays = (await Promise.all(ends)).map(reconnectMs);
  await drained;
  assert.deepEqual(
    received,
    Array.from({ length: 50 }, (_, i) => String(i)),
  );
  assert.equal((await closed).code, 1012);
  assert.ok(delays.every((ms) => ms >= 0 && ms <= 5000));
  assert.ok(Math.max(...delays) - Math.min(...delays) > 1000, 'they would all come at once');
  await eventually(() => echo.sockets.size === 0);
});

test('a message on its way is brought to its end first', async () => {
  const { origin, service } = await gateway();
  const client = await openWebSocket(`${origin}/slow`);
  const message = once(client, 'message');
  const end = closedOf(client);
  await eventually(() => pieces >= 2, { intervalMs: 5 });
  const drained = service.drain();
  const [data] = (await message) as [Buffer];
  assert.equal(data.length, 200);
  assert.equal(data[199], 10);
  assert.ok(reconnectMs(await end) >= 0);
  await drained;
});

test('a client that does not answer the close frame is not waited for', async () => {
  const { origin, service } = await gateway();
  const client = await openWebSocket(`${origin}/echo`);
  client.send('x');
  await messageOf(client);
  client.pause();
  const { closed } = echo.last ?? assert.fail('no conversation');
  const startedMs = performance.now();
  await service.drain();
  assert.ok(performance.now() - startedMs < 8000);
  assert.equal((await closed).code, 1001, 'the upstream is told by the gateway');
  client.terminate();
});

test('a handshake that comes late is refused, with the time to come back', async () => {
  const { origin, service } = await gateway();
  await service.drain();
  const { status, headers, body } = await refusedWebSocket(`${origin}/echo`);
  assert.equal(status, 503);
  assert.ok(Number(headers['retry-after']) >= 1);
  assert.match(body, /"code":"UpstreamUnavailable"/);
});
