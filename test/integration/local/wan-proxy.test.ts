/** The WAN proxies with real sockets: latency, limits, and the faults of one direction. */
import assert from 'node:assert/strict';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { serveWanControl, createWanClient } from '../../../services/local/wan/wan-control.ts';
import { startWanProxy, type WanProxy } from '../../../services/local/wan/wan-proxy.ts';
import { createLogger } from '../../../shared/logging/logger.ts';
import { eventually } from '../../helpers/eventually.ts';

const [oneWayMs, port, network] = [40, 9999, '127.94.7'];
const pairs = [
  ['a', 'b', `${network}.12`, `${network}.2`],
  ['b', 'a', `${network}.21`, `${network}.1`],
].map(([from = '', to = '', address = '', target = '']) => ({
  ...{ from, to, address, target, host: to, ports: [port], latencyMs: oneWayMs },
}));

let echo: Server;
let proxy: WanProxy;

before(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => echo.listen({ host: `${network}.2`, port }, resolve));
  proxy = await startWanProxy({ pairs });
});

after(async () => {
  await proxy.close();
  echo.close();
});

beforeEach(() => {
  proxy.change('a', 'b', { action: 'heal' });
  proxy.change('b', 'a', { action: 'heal' });
});

async function dial(): Promise<Socket> {
  const socket = connect({ host: `${network}.12`, port });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

/** Sends `size` bytes and returns the milliseconds until as many have come back. */
async function roundTrip(socket: Socket, size = 1): Promise<number> {
  const startedMs = performance.now();
  let missing = size;
  const back = new Promise<void>((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => {
      missing -= chunk.length;
      if (missing <= 0) resolve();
    });
    socket.once('close', () => reject(new Error('closed')));
  });
  socket.write(Buffer.alloc(size));
  await back;
  socket.removeAllListeners('data');
  return performance.now() - startedMs;
}

test('a byte takes a round trip, the first one another for the connection', async () => {
  // From before the dial: the proxy may know of the connection before this process does.
  const dialledMs = performance.now();
  const socket = await dial();
  await roundTrip(socket);
  const first = performance.now() - dialledMs;
  const others: number[] = [];
  for (let index = 0; index < 3; index++) others.push(await roundTrip(socket));
  socket.destroy();
  assert.ok(first >= 4 * oneWayMs - 2, `first ${String(first)}`);
  const quickest = Math.min(...others);
  assert.ok(quickest >= 2 * oneWayMs - 2, `quickest ${String(quickest)}`);
  assert.ok(quickest < 4 * oneWayMs, `quickest ${String(quickest)}`);
});

test('what was added to one direction, and a limited line, are felt', async () => {
  const socket = await dial();
  await roundTrip(socket);
  proxy.change('a', 'b', { action: 'slow', addedMs: 100 });
  assert.ok((await roundTrip(socket)) >= 2 * oneWayMs + 98);
  proxy.change('a', 'b', { action: 'slow', addedMs: 0, bytesPerSecond: 100_000 });
  assert.ok((await roundTrip(socket, 30_000)) >= 2 * oneWayMs + 298);
  socket.destroy();
});

test('an orderly end arrives, with everything before it', async () => {
  const socket = await dial();
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
  const ended = new Promise((resolve) => socket.once('end', resolve));
  socket.end(Buffer.alloc(3_000_000));
  await ended;
  assert.equal(bytes, 3_000_000);
});

test('a cut resets what is there and refuses what comes, until it heals', async () => {
  const socket = await dial();
  await roundTrip(socket);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  proxy.change('b', 'a', { action: 'cut' });
  await closed;
  const next = connect({ host: `${network}.12`, port });
  next.on('error', () => undefined);
  await new Promise((resolve) => next.once('close', resolve));
  proxy.change('b', 'a', { action: 'heal' });
  const healed = await dial();
  await roundTrip(healed);
  healed.destroy();
});

test('a frozen direction delivers nothing and breaks nothing; the other one works', async () => {
  const socket = await dial();
  await roundTrip(socket);
  proxy.change('b', 'a', { action: 'freeze' });
  let isBack = false;
  socket.on('data', () => (isBack = true));
  const bytesThere = new Promise<void>((resolve) => {
    echo.once('connection', () => undefined);
    const before = directionBytes('a', 'b');
    void eventually(() => directionBytes('a', 'b') > before).then(() => resolve());
  });
  socket.write('x');
  await bytesThere;
  await new Promise((resolve) => setTimeout(resolve, 3 * oneWayMs));
  assert.equal(isBack, false);
  assert.equal(socket.destroyed, false);
  proxy.change('b', 'a', { action: 'heal' });
  await eventually(() => isBack);
  socket.destroy();
});

function directionBytes(from: string, to: string): number {
  const found = proxy.directions().find((each) => each.from === from && each.to === to);
  return found?.bytes ?? 0;
}

test('back-pressure is kept: a reader that stops stops the writer', async () => {
  const socket = await dial();
  await roundTrip(socket);
  proxy.change('a', 'b', { action: 'freeze' });
  const chunk = Buffer.alloc(1024 * 1024);
  let written = 0;
  while (written < 64 && socket.write(chunk)) written += 1;
  const isTaken = await Promise.race([
    new Promise((resolve) => socket.once('drain', () => resolve(true))),
    new Promise((resolve) => setTimeout(() => resolve(false), 300)),
  ]);
  for (let sent = 0; isTaken === true && sent < 64; sent += 1) socket.write(chunk);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(directionBytes('a', 'b') < 48 * 1024 * 1024, 'the proxy took everything');
  socket.destroy();
});

test('the control interface needs its token and refuses unknown pairs', async (t) => {
  const control = { host: `${network}.3`, port: 7099, token: 'a-token-for-tests' };
  const logger = createLogger({ service: 'test', region: 'test', level: 'silent' });
  const stop = await serveWanControl(proxy, control, logger);
  t.after(stop);
  const client = createWanClient({ control });
  const stranger = createWanClient({ control: { ...control, token: 'another' } });
  t.after(async () => {
    await client.close();
    await stranger.close();
  });
  assert.equal((await client.show()).length, 2);
  const report = await client.change('a', 'b', { action: 'set', latencyMs: 5 });
  assert.equal(report.latencyMs, 5);
  await assert.rejects(client.change('a', 'x', { action: 'cut' }), { code: 'RequestInvalid' });
  await assert.rejects(stranger.show(), { code: 'Unauthenticated' });
});

test('a sliced line brings everything, in order, later', async () => {
  const socket = await dial();
  await roundTrip(socket);
  proxy.change('a', 'b', { action: 'slice', pieceBytes: 100 });
  const sent = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));
  const back: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => back.push(chunk));
  const sinceMs = performance.now();
  // The second is taken while the pieces of the first are on their way.
  socket.write(sent.subarray(0, 3000));
  await eventually(() => back.length > 0, { intervalMs: 1 });
  socket.write(sent.subarray(3000));
  await eventually(() => Buffer.concat(back).length === sent.length, { intervalMs: 1 });
  assert.deepEqual(Buffer.concat(back), sent);
  assert.ok(performance.now() - sinceMs >= 2 * oneWayMs + 29, 'thirty pieces, a millisecond apart');
  socket.destroy();
});
