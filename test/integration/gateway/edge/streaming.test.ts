/** Bodies, heads and connections on their way through the gateway, as clients see them. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http, { type IncomingMessage, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { eventually } from '../../../helpers/eventually.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../../helpers/http-upstream.ts';

let gateway: TestGateway;
let upstream: HttpUpstream;
let answer: RequestListener = (_, reply) => void reply.end('ok');

before(async () => {
  const [address = ''] = loopbackAddresses(1);
  upstream = await startHttpUpstream((request_, reply) => {
    if (request_.url === '/health') reply.end();
    else answer(request_, reply);
  });
  const targets = [{ url: upstream.origin }];
  gateway = await startTestGateway({
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: {
      groups: { default: { targets, activeCheck: { path: '/health' } } },
      routes: [{ id: 'default', group: 'default', requestBytesMax: 50_000_000 }],
    },
  });
});

after(async () => {
  await gateway.stop();
  await upstream.close();
});

/** What curl prints for these arguments. */
async function curl(...args: string[]): Promise<string> {
  return (await promisify(execFile)('curl', ['-sS', '--max-time', '60', ...args])).stdout;
}

test('a large body passes both ways unchanged, chunked or with a length', async () => {
  const body = randomBytes(20_000_000);
  answer = (request_, reply) => void request_.pipe(reply);
  const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
  for (const headers of [{}, { 'content-length': String(body.length) }]) {
    const chunks = [body.subarray(0, 7_000_000), body.subarray(7_000_000)];
    const reply = await request(gateway.origin, { method: 'POST', headers, body: chunks as never });
    assert.equal(digest(Buffer.from(await reply.body.arrayBuffer())), digest(body));
  }
});

test('a client that does not read holds the upstream back', async () => {
  let written = 0;
  answer = (_, reply) => {
    const chunk = Buffer.alloc(65_536);
    const write = (): void => {
      while (written < 200_000_000) {
        written += chunk.length;
        if (!reply.write(chunk)) return void reply.once('drain', write);
      }
      reply.end();
    };
    write();
  };
  const socket = connect(7080, new URL(gateway.origin).hostname);
  socket.write('GET /big HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'readable');
  let before_ = -1;
  await eventually(
    () => {
      const isStill = written === before_;
      before_ = written;
      return isStill;
    },
    { intervalMs: 200 },
  );
  assert.ok(written < 50_000_000, `${String(written)} bytes were taken from the upstream`);
  socket.destroy();
});

test('a client that goes away cancels the upstream request', async () => {
  const closed = new Promise<void>((resolve) => {
    answer = (_, reply) => {
      reply.write('first');
      reply.on('close', resolve);
    };
  });
  const client = http.get(`${gateway.origin}/hang`);
  const [reply] = (await once(client, 'response')) as [IncomingMessage];
  await once(reply, 'data');
  client.destroy();
  await closed;
});

test('an upstream that breaks off is seen as broken off', async () => {
  answer = (_, reply) => {
    reply.writeHead(200, { 'content-length': '100' });
    reply.write('half');
    setTimeout(() => reply.destroy(), 20);
  };
  const reply = await request(gateway.origin);
  await assert.rejects(reply.body.text());
});

test('a body over the limit is refused, before or while it comes', async () => {
  answer = (request_, reply) => void request_.resume().on('end', () => reply.end('late'));
  const known = await request(gateway.origin, {
    method: 'PUT',
    body: Buffer.alloc(50_000_001),
  }).catch(() => null);
  if (known !== null) assert.equal(known.statusCode, 413);
  const tooMuch = (function* () {
    for (let i = 0; i < 60; i += 1) yield Buffer.alloc(1_000_000);
  })();
  const unknown = await request(gateway.origin, { method: 'PUT', body: tooMuch as never }).catch(
    () => null,
  );
  if (unknown !== null) assert.equal(unknown.statusCode, 413);
});

test('heads pass: repeated headers, status text, HEAD, 204, 304, unusual methods', async () => {
  answer = (request_, reply) => {
    reply.setHeader('set-cookie', ['a=1', 'b=2']);
    reply.setHeader('x-method', request_.method ?? '');
    reply.setHeader('content-encoding', 'made-up');
    reply.statusCode = Number(/\d+$/.exec(request_.url ?? '')?.[0] ?? 200);
    reply.end(reply.statusCode === 200 ? 'body' : undefined);
  };
  const get = await curl('-i', `${gateway.origin}/200`);
  assert.match(get, /^set-cookie: a=1\r$/im);
  assert.match(get, /^set-cookie: b=2\r$/im);
  assert.match(get, /^content-encoding: made-up\r$/im);
  assert.match(get, /body$/);
  const head = await curl('-I', `${gateway.origin}/200`);
  assert.match(head, /x-method: HEAD/);
  assert.match(await curl('-i', `${gateway.origin}/204`), /^HTTP\/1\.1 204/);
  assert.match(await curl('-i', `${gateway.origin}/304`), /^HTTP\/1\.1 304/);
  for (const method of ['PROPFIND', 'REPORT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const said = await curl('-i', '-X', method, `${gateway.origin}/200`);
    assert.match(said, new RegExp(`x-method: ${method}`));
  }
});

test('a strange or broken content type is the upstream’s business', async () => {
  answer = (request_, reply) => {
    reply.setHeader('x-type', request_.headers['content-type'] ?? 'none');
    request_.pipe(reply);
  };
  for (const type of ['foo', 'application/json', 'text/;;', 'multipart/form-data']) {
    const said = await curl('-i', '-H', `content-type: ${type}`, '-d', '{no json', gateway.origin);
    assert.match(said, new RegExp(`x-type: ${type}`));
    assert.match(said, /\{no json$/);
  }
});

test('trailers pass', async () => {
  answer = (_, reply) => {
    reply.writeHead(200, { trailer: 'x-sum' });
    reply.write('data');
    reply.addTrailers({ 'x-sum': '42' });
    reply.end();
  };
  const client = http.get(gateway.origin, { headers: { te: 'trailers' } });
  const [reply] = (await once(client, 'response')) as [IncomingMessage];
  reply.resume();
  await once(reply, 'end');
  assert.equal(reply.trailers['x-sum'], '42');
});

test('100 Continue: the body is asked for when the upstream gets the request', async () => {
  answer = (request_, reply) => void request_.pipe(reply);
  const said = await curl('-H', 'expect: 100-continue', '-d', 'x'.repeat(2000), gateway.origin);
  assert.match(said, /^x{2000}$/);
  answer = (_, reply) => void reply.end('unused');
  const reply = await new Promise<string>((resolve) => {
    const socket = connect(7080, new URL(gateway.origin).hostname);
    socket.write('PUT / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n');
    socket.write('content-length: 60000000\r\n\r\n');
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
  });
  assert.match(reply, /^HTTP\/1\.1 413/, 'a body that would be refused is not asked for');
});

test('103 Early Hints and server-sent events come as they are sent', async () => {
  answer = (_, reply) => {
    reply.writeEarlyHints({ link: '</a.css>; rel=preload' });
    reply.writeHead(200, { 'content-type': 'text/event-stream' });
    let n = 0;
    const timer = setInterval(() => {
      n += 1;
      reply.write(`data: ${String(n)}\n\n`);
      if (n === 3) reply.end();
    }, 50);
    reply.on('close', () => clearInterval(timer));
  };
  const client = http.get(gateway.origin);
  const hints: string[] = [];
  client.on('information', (info) => hints.push(String(info.headers['link'])));
  const [reply] = (await once(client, 'response')) as [IncomingMessage];
  const times: number[] = [];
  reply.on('data', () => times.push(performance.now()));
  await once(reply, 'end');
  assert.deepEqual(hints, ['</a.css>; rel=preload']);
  assert.ok(times.length >= 3 && (times.at(-1) ?? 0) - (times[0] ?? 0) > 60);
});

test('smuggling and malformed requests are refused by the gateway', async () => {
  const raw = (text: string): Promise<string> =>
    new Promise((resolve) => {
      let said = '';
      const socket = connect(7080, new URL(gateway.origin).hostname);
      socket.on('data', (data) => (said += data.toString()));
      socket.on('close', () => resolve(said));
      socket.on('error', () => resolve(said));
      socket.write(text);
      setTimeout(() => socket.destroy(), 500);
    });
  answer = (_, reply) => void reply.end('reached');
  const refused = [
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n' +
      'transfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcd',
    'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\nx : 1\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    `GET / HTTP/1.1\r\nhost: x\r\na: ${'b'.repeat(100_000)}\r\n\r\n`,
  ];
  for (const text of refused) {
    const said = await raw(text);
    assert.doesNotMatch(said, /reached/, text.slice(0, 80));
    assert.match(said, /^HTTP\/1\.1 4\d\d/, text.slice(0, 80));
  }
  assert.match(await raw('GET http://elsewhere/x HTTP/1.1\r\nhost: x\r\n\r\n'), /reached/);
});

test('hundreds of requests share few connections to the upstream', async () => {
  answer = (_, reply) => void reply.end('ok');
  const agent = new Agent({ connections: 20 });
  const all = Array.from({ length: 400 }, async () => {
    const reply = await request(gateway.origin, { dispatcher: agent });
    return reply.body.text();
  });
  assert.deepEqual(new Set(await Promise.all(all)), new Set(['ok']));
  const count = await new Promise<number>((resolve) => {
    upstream.server.getConnections((_, n) => resolve(n));
  });
  assert.ok(count < 60, String(count));
  await agent.close();
});
