/** WebSockets through the gateway, with a real client and a real server at its two ends. */
// test: light
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { eventually } from '../../../helpers/eventually.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../../helpers/http-upstream.ts';
import {
  closedOf,
  messageOf,
  openWebSocket,
  refusedWebSocket,
  startWebSocketUpstream,
  type WebSocketUpstream,
} from '../../../helpers/edge/web-socket.ts';

let near: TestGateway;
let far: TestGateway;
let echo: WebSocketUpstream;
let refusing: HttpUpstream;
let flood: WebSocketUpstream;
let flooded = 0;

before(async () => {
  const [nearAddress = '', farAddress = ''] = loopbackAddresses(2);
  const handleProtocols = (protocols: Set<string>): string | false =>
    protocols.has('chat.v2') ? 'chat.v2' : false;
  echo = await startWebSocketUpstream({ handleProtocols, perMessageDeflate: { threshold: 10 } });
  flood = await startWebSocketUpstream({}, (socket) => {
    const send = (): void => {
      if (socket.readyState !== WebSocket.OPEN) return;
      flooded += 65_536;
      socket.send(Buffer.alloc(65_536), () => setImmediate(send));
    };
    send();
  });
  refusing = await startHttpUpstream((_, reply) => void reply.end());
  refusing.server.on('upgrade', (request_, socket) => {
    const status = request_.url === '/refusing/503' ? '503 Busy' : '401 Who';
    socket.end(`HTTP/1.1 ${status}\r\nx-why: it says no\r\ncontent-length: 2\r\n\r\nno`);
  });
  const activeCheck = { kind: 'none' };
  const group = (...urls: string[]): object => ({
    targets: urls.map((url) => ({ url })),
    activeCheck,
    algorithm: 'round-robin',
  });
  const route = (id: string, others: object = {}): object => ({
    ...{ id, group: id, match: { path: `/${id}` } },
    ...others,
  });
  const dead = 'http://127.0.0.1:1';
  const config = {
    trustedProxies: ['127.0.0.1'],
    groups: {
      echo: group(echo.origin),
      refusing: group(refusing.origin),
      mixed: group(dead, refusing.origin, echo.origin),
      dead: group(dead),
      flood: group(flood.origin),
    },
    routes: [
      route('echo', { rewrite: '/' }),
      route('refusing'),
      route('mixed', { retry: { statuses: [401, 503] } }),
      route('dead'),
      route('flood'),
      route('quiet', { group: 'echo', webSocket: { pingMs: 100, idleMs: 60_000 } }),
      route('idle', { group: 'echo', webSocket: { pingMs: 50, idleMs: 300 } }),
      route('secret', { group: 'echo', auth: { accept: ['meridian'] } }),
      route('abroad', { group: 'echo' }),
    ],
    regions: { probe: { intervalMs: 100 } },
    residency: [{ tenants: ['overseas'], regions: ['us-east'] }],
    tenant: { header: 'x-tenant' },
  };
  const cluster = testCluster({ 'eu-west': nearAddress, 'us-east': farAddress });
  const secrets = testSecrets('eu-west');
  near = await startTestGateway({ cluster, region: 'eu-west', secrets, config });
  const farSecrets = testSecrets('us-east', secrets.shared);
  far = await startTestGateway({ cluster, region: 'us-east', secrets: farSecrets, config });
});

after(async () => {
  await Promise.all([near.stop(), far.stop()]);
  await Promise.all([echo.close(), refusing.close(), flood.close()]);
});

test('messages of every size pass unchanged, in order, both ways', async () => {
  const socket = await openWebSocket(`${near.origin}/echo/room?a=1`, {
    headers: { 'x-own': 'kept', 'meridian-hop': 'forged' },
    perMessageDeflate: false,
  });
  const { request, closed } = echo.last ?? assert.fail('no conversation');
  assert.equal(request.url, '/room?a=1');
  assert.equal(request.headers['x-own'], 'kept');
  assert.equal(request.headers['x-forwarded-for'], '127.0.0.1');
  assert.equal(request.headers['meridian-hop'], undefined);
  assert.equal(request.headers['meridian-region'], 'eu-west');
  const sizes = [0, 1, 125, 126, 65_535, 65_536, 1_000_000];
  const sent = sizes.map((size) => randomBytes(size));
  const echoed: Buffer[] = [];
  socket.on('message', (data: Buffer) => echoed.push(data));
  for (const data of sent) socket.send(data);
  await eventually(() => echoed.length === sent.length);
  for (const [index, data] of sent.entries()) assert.ok(echoed[index]?.equals(data));
  socket.close(4001, 'enough');
  assert.deepEqual(await closed, { code: 4001, reason: 'enough' });
});

test('sub-protocols and compression are agreed on between the two ends', async () => {
  const socket = await openWebSocket(`${near.origin}/echo`, { protocols: ['chat.v1', 'chat.v2'] });
  assert.equal(socket.protocol, 'chat.v2');
  assert.match(socket.extensions, /permessage-deflate/);
  socket.send('hello '.repeat(1000));
  assert.equal((await messageOf(socket)).length, 6000);
  const [server] = [...echo.sockets].slice(-1);
  server?.close(4002, 'from above');
  assert.deepEqual(await closedOf(socket), { code: 4002, reason: 'from above' });
});

test('an end that is cut off is seen as cut off at the other', async () => {
  const socket = await openWebSocket(`${near.origin}/echo`);
  const { closed } = echo.last ?? assert.fail('no conversation');
  socket.terminate();
  assert.equal((await closed).code, 1006);
  const other = await openWebSocket(`${near.origin}/echo`);
  for (const server of echo.sockets) server.terminate();
  assert.equal((await closedOf(other)).code, 1006);
});

test('what a client sends behind its handshake, in the same packet, is passed on', async () => {
  const socket = connect(7080, new URL(near.origin).hostname);
  const frame = Buffer.from([0x81, 0x82, 1, 2, 3, 4, 0x68 ^ 1, 0x69 ^ 2]);
  const head =
    'GET /echo HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
    `sec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n\r\n`;
  socket.write(Buffer.concat([Buffer.from(head), frame]));
  let said = '';
  socket.on('data', (data: Buffer) => (said += data.toString('latin1')));
  await eventually(() => said.endsWith('\x81\x02hi'));
  assert.match(said, /^HTTP\/1\.1 101 /);
  assert.match(said, /\r\nmeridian-upstream: echo\//);
  socket.destroy();
});

test('a refusal of the upstream reaches the client whole, and ends the connection', async () => {
  const refused = await refusedWebSocket(`${near.origin}/refusing`);
  assert.equal(refused.status, 401);
  assert.equal(refused.headers['x-why'], 'it says no');
  assert.equal(refused.headers.connection, 'close');
  assert.equal(refused.body, 'no');
});

test('the gateway’s own refusals are problems', async () => {
  const secret = await refusedWebSocket(`${near.origin}/secret`);
  assert.equal(secret.status, 401);
  assert.match(secret.body, /"code":"Unauthenticated"/);
  assert.equal((await refusedWebSocket(`${near.origin}/nowhere`)).status, 404);
  const dead = await refusedWebSocket(`${near.origin}/dead`);
  assert.equal(dead.status, 502);
  assert.match(dead.body, /"code":"UpstreamUnavailable"/);
});

test('dead and refusing instances are passed over', async () => {
  for (let i = 0; i < 3; i += 1) {
    const socket = await openWebSocket(`${near.origin}/mixed`);
    socket.send('x');
    assert.equal(await messageOf(socket), 'x');
    socket.terminate();
  }
});

test('a request behind a refused handshake is not answered, nor one with a body', async () => {
  const say = async (text: string): Promise<string> => {
    const socket = connect(7080, new URL(near.origin).hostname);
    let said = '';
    socket.on('data', (data: Buffer) => (said += data.toString()));
    socket.write(text);
    await once(socket, 'close');
    return said;
  };
  const upgrade = 'host: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n';
  const behind = await say(
    `GET /refusing HTTP/1.1\r\n${upgrade}\r\nGET /echo HTTP/1.1\r\nhost: x\r\n\r\n`,
  );
  assert.equal(behind.match(/HTTP\/1\.1 /g)?.length, 1);
  const body = await say(`GET /echo HTTP/1.1\r\n${upgrade}content-length: 4\r\n\r\nabcd`);
  assert.match(body, /^HTTP\/1\.1 400 /);
  const post = await say(
    `POST /echo HTTP/1.1\r\n${upgrade}content-length: 0\r\n\r\n` +
      'GET /echo HTTP/1.1\r\nhost: x\r\n\r\n',
  );
  assert.match(post, /^HTTP\/1\.1 200 /, 'only GET changes the protocol');
  assert.equal(post.match(/HTTP\/1\.1 /g)?.length, 1);
});

test('quiet clients are pinged; one that does not answer is given up', async () => {
  const socket = await openWebSocket(`${near.origin}/quiet`);
  await once(socket, 'ping');
  await once(socket, 'ping');
  await once(socket, 'ping');
  assert.equal(socket.readyState, WebSocket.OPEN);
  socket.terminate();
  const dead = await openWebSocket(`${near.origin}/quiet`, { autoPong: false });
  const { closed } = echo.last ?? assert.fail('no conversation');
  assert.equal((await closedOf(dead)).code, 1006);
  assert.equal((await closed).code, 1006);
});

test('a conversation without messages ends, whoever pings', async () => {
  const socket = await openWebSocket(`${near.origin}/idle`);
  const timer = setInterval(() => socket.ping(), 50);
  const startedMs = performance.now();
  assert.deepEqual(await closedOf(socket), { code: 1001, reason: 'idle' });
  assert.ok(performance.now() - startedMs > 250);
  clearInterval(timer);
});

test('a client that does not read holds the upstream back', async () => {
  const socket = await openWebSocket(`${near.origin}/flood`);
  socket.pause();
  let before_ = -1;
  await eventually(
    () => {
      const isStill = flooded === before_;
      before_ = flooded;
      return isStill;
    },
    { intervalMs: 200 },
  );
  assert.ok(flooded < 50_000_000, `${String(flooded)} bytes were taken from the upstream`);
  const held = flooded;
  socket.resume();
  await eventually(() => flooded > held + 1_000_000);
  socket.terminate();
});

test('a WebSocket for another region goes through both gateways', async () => {
  await eventually(async () => {
    const explained = await refusedWebSocket(`${near.origin}/nowhere`);
    return explained.status === 404;
  });
  const headers = { 'x-tenant': 'overseas', 'x-forwarded-for': '81.2.69.142' };
  const socket = await eventually(() =>
    openWebSocket(`${near.origin}/abroad`, { headers, localAddress: '127.0.0.1' }).catch(
      () => null,
    ),
  );
  const { request } = echo.last ?? assert.fail('no conversation');
  assert.equal(request.headers['meridian-region'], 'us-east');
  assert.equal(request.headers['x-forwarded-for'], '81.2.69.142');
  socket.send('far');
  assert.equal(await messageOf(socket), 'far');
  socket.close();
  await closedOf(socket);
});
