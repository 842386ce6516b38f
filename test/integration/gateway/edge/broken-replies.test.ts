/**
 * Upstreams that break off, break HTTP or say more than they were asked: a client gets its own
 * reply or an error, never somebody else's, and only what may be repeated is sent twice.
 */
// test: light deadline 120 s
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { Agent, request } from 'undici';
import { makeCertificate } from '../../../helpers/edge/certificate.ts';
import { eventually } from '../../../helpers/eventually.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../../helpers/gateway.ts';
import {
  startRawUpstream,
  type RawRequest,
  type RawUpstream,
} from '../../../helpers/edge/raw-upstream.ts';

let folder: string;
let gateway: TestGateway;
/** The same one with TLS and HTTP/2. */
let secure: TestGateway;
let upstream: RawUpstream;
let answer: (request: RawRequest) => void = () => undefined;
const agent = new Agent({ connections: 16 });

const cases = process.env['MERIDIAN_TEST_LONG'] === '1' ? 5000 : 400;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'meridian-broken-'));
  upstream = await startRawUpstream((asked) => answer(asked));
  const config = {
    retryBudget: 1,
    groups: {
      default: {
        targets: [{ url: upstream.origin }],
        activeCheck: { kind: 'none' },
        // It is alone, and stays whatever it does.
        passiveCheck: { consecutiveFailures: 100_000, successMs: 3_600_000 },
        breaker: { failures: 100_000, failureRate: 1, callsMin: 100_000 },
      },
    },
  };
  const tls = { certPath: join(folder, 'cert.pem'), keyPath: join(folder, 'key.pem') };
  await makeCertificate(tls, ['DNS:gateway.test']);
  const start = (address: string, more: object): Promise<TestGateway> =>
    startTestGateway({
      cluster: testCluster({ 'eu-west': address }),
      region: 'eu-west',
      secrets: testSecrets('eu-west'),
      config: { ...config, ...more },
    });
  const [plainAddress = '', secureAddress = ''] = loopbackAddresses(2);
  gateway = await start(plainAddress, {});
  secure = await start(secureAddress, { tls });
});

after(async () => {
  await agent.close();
  await Promise.all([gateway.stop(), secure.stop()]);
  await upstream.close();
  await rm(folder, { recursive: true });
});

beforeEach(() => {
  answer = () => undefined;
});

const ok = (body: string): string =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${String(body.length)}\r\n\r\n${body}`;
const times = (path: string): number => upstream.paths.filter((one) => one === path).length;

async function ask(path: string, method: 'GET' | 'POST' | 'DELETE' = 'GET', headers = {}) {
  const reply = await request(`${gateway.origin}${path}`, { method, headers, dispatcher: agent });
  return { status: reply.statusCode, headers: reply.headers, body: await reply.body.text() };
}

test('a connection that breaks under a request: sent again only where it may be', async () => {
  answer = ({ socket, path }) => {
    if (times(path) === 1) socket.destroy();
    else socket.write(ok('again'));
  };
  for (const method of ['GET', 'DELETE'] as const) {
    assert.equal((await ask(`/${method}`, method)).body, 'again');
    assert.equal(times(`/${method}`), 2);
  }
  assert.equal((await ask('/post', 'POST')).status, 502);
  assert.equal(times('/post'), 1);
  const keyed = await ask('/keyed', 'POST', { 'idempotency-key': 'k-1' });
  assert.deepEqual([keyed.body, times('/keyed')], ['again', 2]);
});

test('a reply that begins and breaks off is not asked for again', async () => {
  answer = ({ socket }) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf');
  await assert.rejects(ask('/half'));
  assert.equal(times('/half'), 1);
});

const broken: Readonly<Record<string, string>> = {
  lengths: 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
  coding: 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  words: 'hello\r\n\r\n',
};
for (const [name, text] of Object.entries(broken)) {
  test(`broken HTTP is answered 502: ${name}`, async () => {
    answer = ({ socket }) => socket.write(text);
    const { status, headers } = await ask(`/broken-${name}`);
    assert.deepEqual([status, headers['meridian-error']], [502, 'ProtocolViolation']);
  });
}

test('a head that HTTP/2 cannot carry is answered 502 there', async () => {
  const head = 'HTTP/1.1 799 Odd\r\ncontent-encoding: odd\r\ncontent-length: 2\r\n\r\nok';
  answer = ({ socket }) => socket.write(head);
  const path = `${secure.origin}/odd`;
  const said = await promisify(execFile)('curl', ['-sSki', '--max-time', '60', '--http2', path]);
  assert.match(said.stdout, /^HTTP\/2 502 [^]*"code":"ProtocolViolation"/);
  assert.doesNotMatch(said.stdout, /content-encoding/);
  assert.equal((await ask('/odd')).status, 799);
});

test('hints that no client could read are left out, and hurt nobody', async () => {
  answer = ({ socket }) => socket.write(`HTTP/1.1 103 x\r\nlink: <a>; b="\r\n\r\n${ok('on')}`);
  assert.equal((await ask('/hints')).body, 'on');
});

test('the deadline ends a wait for the upstream, and the request there', async () => {
  const { status } = await ask('/silent', 'GET', { 'meridian-deadline-ms': '300' });
  assert.equal(status, 504);
  await eventually(() => upstream.sockets.at(-1)?.destroyed);
});

test('trailers that would change how the reply is read stay behind', async () => {
  answer = ({ socket }) =>
    socket.write(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n' +
        'content-length: 9\r\nset-cookie: a=b\r\nx-sum: 7\r\n\r\n',
    );
  const reply = await request(`${gateway.origin}/trailers`, { dispatcher: agent });
  assert.equal(await reply.body.text(), 'ok');
  assert.deepEqual(reply.trailers, { 'x-sum': '7' });
});

/** What an upstream makes of a sound reply. */
const mischief = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'none' } as const) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('more' as const),
      text: fc.oneof(fc.constant(ok('poison')), fc.string({ minLength: 1, maxLength: 20 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), at: fc.nat(60) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('spoil' as const),
      at: fc.nat(60),
      by: fc.constantFrom('\r', '\n', '\0', ' ', ':', '0', 'x', ''),
    }),
  },
);
type Mischief = typeof mischief extends fc.Arbitrary<infer T> ? T : never;

const forms: readonly ((body: string) => string)[] = [
  ok,
  (body) =>
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n` +
    `${body}\r\n0\r\n\r\n`,
  (body) => `HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n${ok(body)}`,
];

function write({ socket }: RawRequest, sound: string, what: Mischief): void {
  if (what.kind === 'none') socket.write(sound);
  else if (what.kind === 'more') socket.write(sound + what.text);
  else if (what.kind === 'end') socket.end(sound);
  else if (what.kind === 'cut') socket.end(sound.slice(0, what.at));
  else {
    socket.write(sound.slice(0, what.at) + what.by + sound.slice(what.at + 1));
    // What is still missing of it does not come.
    setTimeout(() => socket.end(), 50);
  }
}

test(`${String(cases)} replies, spoilt at random: everyone gets their own`, async () => {
  const seed = Number(process.env['MERIDIAN_SEED'] ?? Date.now() % 2 ** 31);
  console.log(`seed ${String(seed)}`);
  const kinds = fc.tuple(mischief, fc.constantFrom(...forms));
  const all = fc.sample(kinds, { numRuns: cases, seed });
  const spoilt = (index: number): boolean => all[index]?.[0].kind === 'spoil';
  answer = (asked) => {
    const index = Number(asked.path.slice('/own/'.length));
    const [what, form] = all[index] ?? [];
    // Sound when it is asked for again.
    const isFirst = times(asked.path) === 1;
    if (what === undefined || form === undefined) asked.socket.destroy();
    else write(asked, form(`<own ${String(index)}>`), isFirst ? what : { kind: 'none' });
  };
  let own = 0;
  const one = async (index: number): Promise<void> => {
    const { status, body } = await ask(`/own/${String(index)}`);
    if (status === 200 && body === `<own ${String(index)}>`) own += 1;
    // A letter changed in the middle of a body is a sound reply all the same.
    else if (status === 200) assert.ok(spoilt(index), `${String(index)}: ${body}, seed ${seed}`);
    assert.doesNotMatch(body, /poison/);
    const named = /own (\d+)/.exec(body)?.[1];
    if (named !== undefined && !spoilt(index)) assert.equal(named, String(index));
  };
  for (let from = 0; from < cases; from += 16) {
    const group = Array.from({ length: Math.min(16, cases - from) }, (_, n) => one(from + n));
    for (const result of await Promise.allSettled(group)) {
      if (result.status === 'rejected') {
        const error: unknown = result.reason;
        assert.ok(!(error instanceof assert.AssertionError), error as Error);
      }
    }
  }
  assert.ok(own > cases / 2, `${String(own)} of ${String(cases)} got through`);
});
