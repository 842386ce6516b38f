/**
 * Requests without a body at plain HTTP/1.1 upstreams that keep to the protocol, or do not: what
 * reaches the sender, and what becomes of the connection.
 */
// test: light
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { PlainPool } from '../../../../services/gateway/io/http1/plain-pool.ts';
import { PlainRequest } from '../../../../services/gateway/io/http1/plain-request.ts';
import {
  createUpstreamClient,
  type UpstreamClient,
} from '../../../../services/gateway/io/upstream-client.ts';
import { ask, startRawUpstream, type RawRequest } from '../../../helpers/edge/raw-upstream.ts';
import type { RawUpstream } from '../../../helpers/edge/raw-upstream.ts';
import { eventually } from '../../../helpers/eventually.ts';

let upstream: RawUpstream;
let client: UpstreamClient;

async function start(answer: (request: RawRequest) => void, connectionsMax = 8): Promise<void> {
  upstream = await startRawUpstream(answer);
  const { origin } = upstream;
  client = createUpstreamClient({ origin, connectionsMax, connectMs: 5000, tls: null });
}

afterEach(async () => {
  await client.destroy();
  await upstream.close();
});

const ok = (body: string): string =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${String(body.length)}\r\n\r\n${body}`;

/** A connection is used again from the turn of the event loop after its last reply on. */
async function settled(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await nextTurn();
}

test('one connection carries one request after the other', async () => {
  await start(({ socket, path }) => socket.write(ok(path)));
  for (const path of ['/a', '/b', '/c']) {
    const { status, body } = await ask(client, path).over;
    assert.deepEqual([status, body], [200, path]);
    await settled();
  }
  assert.equal(upstream.sockets.length, 1);
});

test('no more than connectionsMax at once; who gives up while waiting is never sent', async () => {
  const held: RawRequest[] = [];
  await start((request) => held.push(request), 2);
  const all = ['/a', '/b', '/c', '/d'].map((path) => ask(client, path));
  await eventually(() => held.length === 2);
  all[2]?.controller.abort(Object.assign(new Error('x'), { code: 'GONE' }));
  assert.equal((await all[2]?.over)?.error, 'GONE');
  for (const { socket, path } of held.splice(0)) socket.write(ok(path));
  await eventually(() => held.length === 1);
  for (const { socket, path } of held) socket.write(ok(path));
  for (const index of [0, 1, 3]) {
    assert.equal((await all[index]?.over)?.body, ['/a', '/b', '/c', '/d'][index]);
  }
  assert.deepEqual(upstream.paths, ['/a', '/b', '/d']);
  assert.equal(upstream.sockets.length, 2);
});

test('a controller of a reply that is over does nothing to the next request', async () => {
  const held: RawRequest[] = [];
  await start((request) => held.push(request), 1);
  const first = ask(client, '/first');
  await eventually(() => held.length === 1);
  held[0]?.socket.write(ok('1'));
  await first.over;
  const second = ask(client, '/second');
  await eventually(() => held.length === 2);
  first.controller.pause();
  first.controller.abort(new Error('late'));
  held[1]?.socket.write(ok('2'));
  assert.equal((await second.over).body, '2');
  assert.equal(upstream.sockets.length, 1);
});

test('bytes that nobody asked for end an idle connection', async () => {
  await start(({ socket, path }) => socket.write(ok(path)));
  await ask(client, '/a').over;
  const [socket] = upstream.sockets;
  socket?.write(ok('poison'));
  await eventually(() => socket?.destroyed);
  assert.equal((await ask(client, '/b').over).body, '/b');
  assert.equal(upstream.sockets.length, 2);
});

const behind: Readonly<Record<string, string>> = {
  'a reply with a length': ok('sound'),
  'a chunked reply': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nsound\r\n0\r\n\r\n',
  'a reply without a body': 'HTTP/1.1 204 No Content\r\n\r\n',
};
for (const [name, reply] of Object.entries(behind)) {
  test(`bytes behind ${name} are nobody's reply`, async () => {
    await start(({ socket, path }) => {
      if (path === '/a') socket.write(reply + ok('poison'));
      else socket.write(ok(path));
    });
    const [first, second] = [ask(client, '/a'), ask(client, '/b')];
    assert.match((await first.over).body, /^(sound)?$/);
    assert.equal((await second.over).body, '/b');
    assert.equal((await ask(client, '/c').over).body, '/c');
    assert.equal(upstream.sockets[0]?.destroyed || upstream.sockets[1]?.destroyed, true);
  });
}

test('a connection that the upstream has closed is not used again', async () => {
  await start(({ socket, path }) => socket.end(ok(path)));
  assert.equal((await ask(client, '/a').over).body, '/a');
  assert.equal((await ask(client, '/b').over).body, '/b');
  assert.equal(upstream.sockets.length, 2);
});

test('a request whose connection breaks fails, and is not sent again here', async () => {
  await start(({ socket, path, turn }) => {
    if (turn === 1) socket.write(ok(path));
    else socket.destroy();
  });
  await ask(client, '/a').over;
  await settled();
  assert.equal((await ask(client, '/b').over).error, 'UND_ERR_SOCKET');
  assert.deepEqual(upstream.paths, ['/a', '/b']);
});

test('a name that does not resolve in time', async () => {
  await start(() => undefined);
  const lookup = (): void => undefined;
  const pool = new PlainPool({
    host: 'a.test',
    port: 1,
    connectionsMax: 1,
    connectMs: 100,
    lookup,
  });
  const failed = new Promise<Error>((resolve) => {
    const handler = { onResponseError: (_: unknown, error: Error) => resolve(error) };
    pool.send(new PlainRequest({ head: '', headersMs: 60_000, idleMs: 60_000, handler }));
  });
  assert.equal((await failed).name, 'ConnectTimeoutError');
  pool.destroy();
});

test('time-outs: no head, heads that only begin, half a body', async () => {
  const timers: NodeJS.Timeout[] = [];
  await start(({ socket, path }) => {
    if (path === '/interim') {
      timers.push(setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 20));
    } else if (path === '/trickle') {
      socket.write('HTTP/1.1 200 OK\r\nx: ');
      timers.push(setInterval(() => socket.write('a'), 20));
    } else if (path === '/half') socket.write(ok('12345').slice(0, -1));
  });
  const short = { headersMs: 200, idleMs: 200 };
  for (const path of ['/silent', '/interim', '/trickle']) {
    assert.equal((await ask(client, path, short).over).error, 'UND_ERR_HEADERS_TIMEOUT', path);
  }
  assert.equal((await ask(client, '/half', short).over).error, 'UND_ERR_BODY_TIMEOUT');
  timers.forEach((timer) => clearInterval(timer));
  await eventually(() => upstream.sockets.every(({ destroyed }) => destroyed));
});

test('a reader that pauses holds the upstream back, idle time-out or not', async () => {
  const size = 30_000_000;
  const head = `HTTP/1.1 200 OK\r\ncontent-length: ${String(size)}\r\n\r\n`;
  await start(({ socket }) => socket.write(head + 'x'.repeat(size)));
  let resume: (() => void) | null = null;
  let taken = 0;
  const asked = ask(client, '/', {
    idleMs: 200,
    onData(controller, chunk) {
      taken += chunk.length;
      if (resume !== null) return;
      controller.pause();
      resume = () => controller.resume();
    },
  });
  await eventually(() => resume !== null);
  const pausedMs = performance.now();
  await eventually(() => performance.now() - pausedMs > 500);
  assert.ok(taken < 1_000_000, String(taken));
  (resume as (() => void) | null)?.();
  assert.equal((await asked.over).error, null);
  assert.equal(taken, size);
});

test('giving a request up closes its connection', async () => {
  await start(({ socket }) => socket.write(ok('12345').slice(0, -1)));
  const asked = ask(client, '/');
  await eventually(() => asked.heard.body !== '');
  asked.controller.abort(Object.assign(new Error('x'), { code: 'GONE' }));
  assert.equal((await asked.over).error, 'GONE');
  await eventually(() => upstream.sockets[0]?.destroyed);
});

test('interim replies, a chunked body with trailers', async () => {
  const text =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n' +
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n' +
    '3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 7\r\n\r\n';
  await start(({ socket }) => {
    for (const letter of text) socket.write(letter);
  });
  const heard = await ask(client, '/').over;
  assert.deepEqual(heard.interim, [100, 103]);
  assert.equal(heard.body, 'abcde');
  assert.deepEqual(heard.trailers, { 'x-sum': '7' });
});

test('HTTP/1.0: ends with the connection, or is kept where it says so', async () => {
  await start(({ socket, path }) => {
    if (path === '/old') socket.end('HTTP/1.0 200 OK\r\n\r\nall of it');
    else socket.write('HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok');
  });
  const old = await ask(client, '/old').over;
  assert.deepEqual([old.body, old.error], ['all of it', null]);
  for (let i = 0; i < 2; i += 1) {
    assert.equal((await ask(client, '/kept').over).body, 'ok');
    await settled();
  }
  assert.equal(upstream.sockets.length, 2);
});

const cut: Readonly<Record<string, string>> = {
  'a length that is not reached': ok('12345').slice(0, -1),
  'chunks that do not end': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n',
  'half a head': 'HTTP/1.1 200 OK\r\nconte',
};
for (const [name, text] of Object.entries(cut)) {
  test(`cut off: ${name}`, async () => {
    await start(({ socket }) => socket.end(text));
    const heard = await ask(client, '/').over;
    assert.equal(heard.error, 'UND_ERR_SOCKET');
    assert.equal(heard.trailers, null);
  });
}

const broken: Readonly<Record<string, string>> = {
  'two lengths': 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
  'length and coding':
    'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  'another coding': 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'a folded line': 'HTTP/1.1 200 OK\r\na: b\r\n content-length: 3\r\n\r\nabc',
  'a change of protocol': 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n',
  'no HTTP': 'SSH-2.0-OpenSSH\r\n\r\n',
};
for (const [name, text] of Object.entries(broken)) {
  test(`refused, and the connection with it: ${name}`, async () => {
    await start(({ socket }) => socket.write(text));
    const heard = await ask(client, '/').over;
    assert.deepEqual([heard.status, heard.error], [0, 'HPE_INVALID_REPLY']);
    await eventually(() => upstream.sockets[0]?.destroyed);
  });
}

test('a head without an end is cut off', async () => {
  await start(({ socket }) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(40_000)}`));
  assert.equal((await ask(client, '/').over).error, 'UND_ERR_HEADERS_OVERFLOW');
});

test('a client that is destroyed fails what is under way and what waits', async () => {
  await start(() => undefined, 1);
  const all = [ask(client, '/a'), ask(client, '/b')];
  await eventually(() => upstream.paths.length === 1);
  await client.destroy();
  all.push(ask(client, '/c'));
  for (const { over } of all) assert.equal((await over).error, 'UND_ERR_DESTROYED');
});
