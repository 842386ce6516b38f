/**
 * Malformed and hostile bytes on the public listener. Whatever comes, the upstream sees only sound
 * requests, never more of them than there are replies, and the gateway goes on.
 */
// test: light
import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { connect } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { eventually } from '../../../helpers/eventually.ts';
import {
  loopbackAddresses,
  publicPort,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../../helpers/gateway.ts';

const isLong = process.env['MERIDIAN_TEST_LONG'] === '1';
const cases = isLong ? 20_000 : 400;

let gateway: TestGateway;
let upstream: Server;
let host: string;
/** Heads as they reached the upstream, byte by byte. */
let heads: string[] = [];
let faults: string[] = [];

before(async () => {
  [host = ''] = loopbackAddresses(1);
  upstream = createServer(readStrictly);
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  const { port } = upstream.address() as AddressInfo;
  gateway = await startTestGateway({
    cluster: testCluster({ 'eu-west': host }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: {
      groups: {
        default: {
          targets: [{ url: `http://127.0.0.1:${String(port)}` }],
          activeCheck: { kind: 'none' },
          breaker: { failures: 100_000, failureRate: 1 },
          passiveCheck: { consecutiveFailures: 100_000 },
        },
      },
      routes: [{ id: 'default', group: 'default', timeouts: { idleMs: 100 } }],
    },
  });
});

after(async () => {
  await gateway.stop();
  upstream.close();
});

/** A naive HTTP/1.1 server that takes nothing but the plainest form of it. */
function readStrictly(socket: Socket): void {
  let bytes = '';
  socket.setEncoding('latin1');
  socket.on('error', () => undefined);
  socket.on('data', (data: string) => {
    bytes += data;
    for (let taken = takeRequest(bytes); taken > 0; taken = takeRequest(bytes)) {
      bytes = bytes.slice(taken);
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    }
  });
}

/** Length of the first request in `bytes` once it is whole, else 0. */
function takeRequest(bytes: string): number {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return 0;
  const [line = '', ...fields] = bytes.slice(0, end).split('\r\n');
  const headers = fields.map((field) => /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): (.*)$/.exec(field));
  const values = (name: string): string[] =>
    headers.filter((match) => match?.[1]?.toLowerCase() === name).map((match) => match?.[2] ?? '');
  const lengths = values('content-length');
  const codings = values('transfer-encoding');
  const complain = (why: string): void => void faults.push(`${why}: ${JSON.stringify(bytes)}`);
  if (!/^[A-Z-]+ \/[\x21-\xff]* HTTP\/1\.1$/.test(line)) complain('request line');
  if (headers.includes(null)) complain('header line');
  if (values('host').length !== 1) complain('host');
  if (lengths.length + codings.length > 1) complain('two lengths');
  if (codings.length === 1 && codings[0] !== 'chunked') complain('coding');
  if (lengths.length === 1 && !/^\d+$/.test(lengths[0] ?? '')) complain('length');
  // A handshake of a WebSocket is the one change of protocol that is passed on.
  const isHandshake = line.startsWith('GET ') && values('upgrade').join() === 'websocket';
  if (values('upgrade').length > 0 && !isHandshake) complain('upgrade');
  for (const name of ['te', 'expect', 'proxy-connection', 'keep-alive']) {
    if (values(name).length > 0) complain(name);
  }
  const body = end + 4;
  const size = codings.length === 1 ? chunkedSize(bytes, body) : Number(lengths[0] ?? 0);
  if (size === -1 || bytes.length < body + size) return 0;
  heads.push(line);
  return body + size;
}

/** Bytes of a chunked body that starts at `from`; -1 while it is not whole. */
function chunkedSize(bytes: string, from: number): number {
  let at = from;
  for (;;) {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return -1;
    const text = bytes.slice(at, end);
    if (!/^[0-9a-f]+$/i.test(text)) {
      faults.push(`chunk size ${JSON.stringify(text)}`);
      return -1;
    }
    const size = parseInt(text, 16);
    at = end + 2 + size + 2;
    if (size === 0) return at - from;
  }
}

/** What the gateway says to `text` until it is silent, and how many replies that is. */
async function say(text: string): Promise<{ said: string; replies: number }> {
  const socket = connect(publicPort, host);
  let said = '';
  let timer: NodeJS.Timeout | null = null;
  const quiet = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => socket.end(() => socket.destroy()), said === '' ? 250 : 60);
  };
  socket.on('data', (data: Buffer) => {
    said += data.toString('latin1');
    quiet();
  });
  socket.on('error', () => undefined);
  const closed = once(socket, 'close');
  socket.write(text, 'latin1');
  quiet();
  await closed;
  if (timer !== null) clearTimeout(timer);
  return { said, replies: said.match(/HTTP\/1\.1 [2-5]\d\d /g)?.length ?? 0 };
}

function reset(): void {
  heads = [];
  faults = [];
}

const next = 'GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n';
const post = 'POST / HTTP/1.1\r\nhost: x\r\n';
const chunked = 'transfer-encoding: chunked\r\n';
/** An empty chunked body, and what may hide behind it. */
const rest = `\r\n0\r\n\r\n${next}`;

/** Requests whose end two parsers may see at different places; none may carry another. */
const smuggling: Readonly<Record<string, string>> = {
  'length and coding': `${post}content-length: 6\r\n${chunked}${rest}`,
  'coding and length': `${post}${chunked}content-length: 6\r\n${rest}`,
  'two lengths': `${post}content-length: 0\r\ncontent-length: 37\r\n\r\n${next}`,
  'a list of lengths': `${post}content-length: 0, 37\r\n\r\n${next}`,
  'a signed length': `${post}content-length: +0\r\n\r\n${next}`,
  'a hexadecimal length': `${post}content-length: 0x0\r\n\r\n${next}`,
  'a length with a space inside': `${post}content-length: 3 7\r\n\r\n${next}`,
  'a length with a space before its colon': `${post}content-length : 37\r\n\r\n${next}`,
  'a length on a folded line': `${post}x: y\r\n content-length: 37\r\n\r\n${next}`,
  'an unknown coding': `${post}transfer-encoding: xchunked\r\n${rest}`,
  'chunked not last': `${post}transfer-encoding: chunked, identity\r\n${rest}`,
  'chunked twice': `${post}transfer-encoding: chunked, chunked\r\n${rest}`,
  'two codings': `${post}${chunked}transfer-encoding: x\r\n${rest}`,
  'a coding behind a tab': `${post}transfer-encoding:\tchunked\vx\r\n${rest}`,
  'a coding of HTTP/1.0': `${post.replace('1.1', '1.0')}${chunked}${rest}`,
  'a coding under a false name': `${post}transfer_encoding: chunked\r\ncontent-length: 0\r\n\r\n`,
  'bare line feeds': `POST / HTTP/1.1\nhost: x\ncontent-length: 37\n\n${next}`,
  'a bare carriage return': `${post}x: a\rcontent-length: 37\r\n\r\n${next}`,
  'a NUL in a value': `${post}x: a\0b\r\n\r\n${next}`,
  'a chunk size with a sign': `${post}${chunked}\r\n+0\r\n\r\n${next}`,
  'a chunk size that overflows': `${post}${chunked}\r\n10000000000000000\r\n\r\n${next}`,
  'a chunk longer than its size': `${post}${chunked}\r\n1\r\nabc${rest}`,
  'a chunk ended by a line feed': `${post}${chunked}\r\n1\na${rest}`,
  'a line break in the target': `GET /a\r\nx HTTP/1.1\r\nhost: x\r\n\r\n${next}`,
  'two hosts': `GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\nx : 1\r\n\r\n${next}`,
  'no host': `GET / HTTP/1.1\r\n\r\n${next}`,
  'a space before the first header': `GET / HTTP/1.1\r\n host: x\r\n\r\n${next}`,
};

for (const [name, text] of Object.entries(smuggling)) {
  test(`smuggling: ${name}`, async () => {
    reset();
    const { replies, said } = await say(text);
    assert.deepEqual(faults, []);
    assert.ok(heads.length <= replies, `${String(heads.length)} requests, said ${said}`);
    const isRefused = /^HTTP\/1\.1 [45]\d\d /.test(said) || said === '';
    if (isRefused) assert.doesNotMatch(heads.join(), /smuggled/);
    else assert.ok(heads.length === replies, said);
  });
}

test('an extension of a chunk and trailers are no part of what goes on', async () => {
  reset();
  const { said } = await say(
    `${post}transfer-encoding: chunked\r\n\r\n1;a="\n"\r\nx\r\n0\r\nhost: evil\r\n\r\n`,
  );
  assert.deepEqual(faults, []);
  assert.match(said, /^HTTP\/1\.1 [24]\d\d /);
});

/** Pieces that requests are made of, sound and broken ones, in any order. */
const piece = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('GET / HTTP/1.1\r\n', post, 'host: x\r\n', '\r\n', next),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['content-length: 3\r\n', 'content-length: 0\r\n', 'transfer-encoding: chunked\r\n'],
      ...['expect: 100-continue\r\n', 'connection: upgrade, x\r\n', 'upgrade: websocket\r\n'],
      ...['te: trailers\r\n', 'cookie: a\r\n', 'connection: close\r\n', 'host: \r\n', 'x_y: 1\r\n'],
      ...['3\r\nabc\r\n', '0\r\n\r\n', 'abc', 'GET http://e/x HTTP/1.1\r\n', '* HTTP/1.1\r\n'],
      ...['OPTIONS * HTTP/1.1\r\n', 'CONNECT a:1 HTTP/1.1\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom('\r', '\n', ' ', '\t', '\0', '\x7f', '\xff', ':', ';', '%00', '//'),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 20, unit: 'binary-ascii' }) },
);

test(`${String(cases)} requests put together at random`, async () => {
  const texts = fc.array(piece, { minLength: 1, maxLength: 12 }).map((parts) => parts.join(''));
  const whole = texts.map((text) => `GET / HTTP/1.1\r\nhost: x\r\n${text}\r\n\r\n`);
  const seed = Number(process.env['MERIDIAN_SEED'] ?? Date.now() % 2 ** 31);
  console.log(`seed ${String(seed)}`);
  const samples = fc.sample(fc.oneof(texts, whole), { numRuns: cases, seed });
  reset();
  let replies = 0;
  for (let i = 0; i < samples.length; i += 40) {
    const answers = await Promise.all([...samples.slice(i, i + 40), next].map(say));
    for (const answer of answers) {
      replies += answer.replies;
      assert.match(answer.said, /^$|^HTTP\/1\.1 \d\d\d /);
    }
    assert.deepEqual(faults, [], `seed ${String(seed)}`);
  }
  assert.ok(
    heads.length <= replies,
    `${String(heads.length)} requests, ${String(replies)} replies`,
  );
  assert.ok(heads.length >= samples.length / 40, 'the sound ones arrive');
  reset();
  const inFlight = /^meridian_gateway_in_flight_requests 0$/m;
  await eventually(async () => inFlight.test(await gateway.metrics.registry.metrics()));
  await eventually(async () => {
    const { said } = await say('GET /after HTTP/1.1\r\nhost: x\r\n\r\n');
    return /^HTTP\/1\.1 200 [^]*ok$/.test(said);
  });
});
