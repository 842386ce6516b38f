/** Open streams that keep all connections of a group, and the requests that come then. */
// test: light
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import { after, afterEach, before, test } from 'node:test';
import { request } from 'undici';
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
let upstreams: readonly HttpUpstream[] = [];
const streams = new Set<ClientRequest>();
/** Paths that reached an upstream. */
const seen: string[] = [];

before(async () => {
  const [address = '', ...others] = loopbackAddresses(3);
  const start = (at: string): Promise<HttpUpstream> =>
    startHttpUpstream((incoming, reply) => {
      seen.push(incoming.url ?? '');
      if (incoming.url === '/stream') reply.write('first');
      else incoming.resume().on('end', () => reply.end('answer'));
    }, at);
  upstreams = await Promise.all(others.map(start));
  const targets = upstreams.map(({ origin }) => ({ url: origin }));
  const activeCheck = { kind: 'none' };
  const connections = { connectionsMax: 2, connectMs: 1000 };
  gateway = await startTestGateway({
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: {
      groups: { default: { targets, activeCheck, algorithm: 'hybrid', ...connections } },
      routes: [{ id: 'default', group: 'default' }],
    },
  });
});

after(async () => {
  await gateway.stop();
  await Promise.all(upstreams.map((upstream) => upstream.close()));
});

afterEach(() => {
  for (const stream of streams) stream.destroy();
  streams.clear();
});

/** One after the other: where each went. */
async function openStreams(count: number): Promise<unknown[]> {
  const places: unknown[] = [];
  for (let i = 0; i < count; i += 1) {
    const stream = http.get(`${gateway.origin}/stream`, { agent: false });
    stream.on('error', () => undefined);
    const [reply] = (await once(stream, 'response')) as [IncomingMessage];
    reply.on('error', () => undefined).resume();
    streams.add(stream);
    places.push(reply.headers['meridian-upstream']);
  }
  return places;
}

async function ask(method: 'GET' | 'POST', path: string, signal?: AbortSignal) {
  const body = method === 'POST' ? 'text' : null;
  const reply = await request(gateway.origin + path, { method, body, signal: signal ?? null });
  return {
    status: reply.statusCode,
    retryAfter: reply.headers['retry-after'],
    text: await reply.body.text(),
  };
}

test('streams take the connections of every instance, none waits before', async () => {
  const places = await openStreams(4);
  const counts = [...new Set(places)].map((place) => places.filter((one) => one === place).length);
  assert.deepEqual(counts, [2, 2]);
});

test('who comes then is served when a stream ends', async () => {
  await openStreams(4);
  for (const method of ['GET', 'POST'] as const) {
    const asked = ask(method, `/${method}`);
    const [stream] = streams;
    assert.equal(seen.includes(`/${method}`), false);
    stream?.destroy();
    const { status, text } = await asked;
    assert.deepEqual([status, text], [200, 'answer']);
    if (stream !== undefined) streams.delete(stream);
    await openStreams(1);
  }
});

test('when none ends it is refused in time, without a word against the instances', async () => {
  await openStreams(4);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, i) => ask(i % 2 === 0 ? 'GET' : 'POST', '/late')),
  );
  for (const { status, retryAfter, text } of answers) {
    assert.deepEqual([status, retryAfter], [503, '1'], text);
    assert.match(text, /overloaded/);
  }
  assert.equal(seen.includes('/late'), false);
  for (const stream of streams) stream.destroy();
  assert.equal((await ask('GET', '/after')).status, 200);
  const failures = await Promise.all([1, 2, 3, 4].map(() => ask('POST', '/after')));
  assert.deepEqual(new Set(failures.map(({ status }) => status)), new Set([200]));
});

test('a client that leaves the line is never sent', async () => {
  await openStreams(4);
  const leaving = new AbortController();
  const gone = ask('GET', '/gone', leaving.signal);
  leaving.abort();
  await assert.rejects(gone);
  for (const stream of streams) stream.destroy();
  await eventually(async () => (await ask('GET', '/next')).status === 200);
  assert.equal(seen.includes('/gone'), false);
});
