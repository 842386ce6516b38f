/** What the gateway does about upstreams that fail, stall, are slow or full. */
// test: light
import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { after, before, beforeEach, test } from 'node:test';
import { request } from 'undici';
import { signAccessToken } from '../../../shared/auth/access-token.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  gatewayConfig,
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
  type TestGateway,
} from '../../helpers/gateway.ts';
import { startHttpUpstream, type HttpUpstream } from '../../helpers/http-upstream.ts';

const [host = '', ...hosts] = loopbackAddresses(3);
const cluster = testCluster({ 'eu-west': host });
const secrets = testSecrets('eu-west');
const well: RequestListener = (_, reply) => reply.end('well');
const failing =
  (status: number, headers: Record<string, string> = {}): RequestListener =>
  (_, reply) =>
    reply.writeHead(status, headers).end('failing');
const slow =
  (ms: number): RequestListener =>
  (_, reply) =>
    setTimeout(() => reply.end('slow'), ms);

/** Two upstreams, `one` and `two`, that behave as a test says; what each was asked. */
const acts = { one: well, two: well };
const asked: { one: number; two: number } = { one: 0, two: 0 };
let upstreams: { readonly one: HttpUpstream; readonly two: HttpUpstream };
let gateway: TestGateway;
let token = '';

/** Neither checks nor breaker interfere. */
const calm = {
  algorithm: 'round-robin',
  activeCheck: { kind: 'none' },
  passiveCheck: { consecutiveFailures: 100_000, successMs: 3_600_000 },
  breaker: { failures: 100_000, window: 100_000, callsMin: 100_000 },
};
/** Of the next configuration. */
let retryBudget = 0.2;
const route = { id: 'all', group: 'all' };

const both: readonly ('one' | 'two')[] = ['one', 'two'];

/** The gateway from now on has one group, `all`, of both upstreams or of `one` alone. */
function configure(group: object, changes: object = {}, names = both): void {
  const targets = names.map((name) => ({ url: upstreams[name].origin, zone: `zone-${name}` }));
  const other = { ...calm, targets: [{ url: upstreams.two.origin }] };
  const groups = { all: { ...calm, targets, ...group }, other };
  const routes = [
    { id: 'other', group: 'other', match: { path: '/other' } },
    { ...route, ...changes },
  ];
  // A group that has changed knows nothing of its instances, a new budget of no retries.
  const fresh = { groups: { other }, routes: [routes[0]], retryBudget: 0 };
  gateway.service.reload(gatewayConfig(fresh));
  gateway.service.reload(gatewayConfig({ groups, routes, retryBudget }));
}

before(async () => {
  const start = (name: 'one' | 'two', at = ''): Promise<HttpUpstream> =>
    startHttpUpstream((incoming, reply) => {
      if (incoming.headers['user-agent'] !== 'meridian-health-check') asked[name] += 1;
      acts[name](incoming, reply);
    }, at);
  upstreams = { one: await start('one', hosts[0]), two: await start('two', hosts[1]) };
  const groups = { other: calm };
  const config = { groups, routes: [{ id: 'other', group: 'other' }] };
  gateway = await startTestGateway({ cluster, region: 'eu-west', secrets, config });
  const base = { clusterId: cluster.clusterId, keys: secrets.shared.accessKeys, role: 'app' };
  const scopes = ['admin:operator'] as const;
  token = await signAccessToken({ ...base, subject: 'test', ttlSeconds: 600, scopes });
});

beforeEach(() => {
  Object.assign(acts, { one: well, two: well });
  Object.assign(asked, { one: 0, two: 0 });
});

after(async () => {
  await gateway.stop();
  await upstreams.one.close();
  await upstreams.two.close();
});

interface Answer {
  readonly status: number;
  readonly attempts: number;
  readonly tookMs: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

async function ask(
  headers: Record<string, string> = {},
  { method = 'GET', path = '/' }: { method?: string; path?: string } = {},
): Promise<Answer> {
  const startMs = performance.now();
  const body = method === 'POST' || method === 'PUT' ? 'body' : null;
  const reply = await request(`${gateway.origin}${path}`, { method, headers, body });
  const text = await reply.body.text();
  return {
    status: reply.statusCode,
    attempts: Number(reply.headers['meridian-attempts']),
    tookMs: performance.now() - startMs,
    text,
    retryAfter: reply.headers['retry-after']?.toString(),
  };
}

/** Asks `count` times at once. */
const askAll = (count: number, path = '/'): Promise<Answer[]> =>
  Promise.all(Array.from({ length: count }, () => ask({}, { path })));

async function admin<T>(path: string, method: 'GET' | 'POST' = 'GET'): Promise<T> {
  const reply = await request(`${gateway.adminOrigin}/admin/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
  });
  return (await reply.body.json()) as T;
}

/** The state of `one` as operators see it. */
async function stateOfOne(list: 'upstreams' | 'breakers'): Promise<string> {
  type Row = { group: string; upstream: string; state: string };
  const { items } = await admin<{ items: Row[] }>(list);
  const { origin } = upstreams.one;
  return items.find((row) => row.group === 'all' && row.upstream === origin)?.state ?? 'gone';
}

test('what may be repeated is tried elsewhere, the rest is passed on as it is', async () => {
  retryBudget = 1;
  configure({});
  retryBudget = 0.2;
  for (const status of [429, 502, 503, 504]) {
    acts.one = failing(status);
    for (let i = 0; i < 2; i += 1) {
      assert.equal((await ask()).status, 200);
      assert.equal((await ask({ 'idempotency-key': 'k' }, { method: 'POST' })).status, 200);
      assert.equal((await ask({}, { method: 'PUT' })).status, 200);
    }
    const posts = [await ask({}, { method: 'POST' }), await ask({}, { method: 'POST' })];
    assert.deepEqual(posts.map((post) => post.status).sort(), [200, status].sort());
    assert.deepEqual(
      posts.map(({ attempts }) => attempts),
      [1, 1],
    );
  }
  acts.one = failing(500);
  assert.ok((await askAll(4)).some(({ status }) => status === 500));
});

test('Retry-After is honoured up to the longest pause', async () => {
  configure({}, {}, ['one']);
  let isFirst = true;
  acts.one = (incoming, reply) => {
    if (!isFirst) return well(incoming, reply);
    isFirst = false;
    return failing(503, { 'retry-after': '1' })(incoming, reply);
  };
  const waited = await ask();
  assert.deepEqual([waited.status, waited.attempts], [200, 2]);
  assert.ok(waited.tookMs >= 1000);
  acts.one = failing(503, { 'retry-after': '30' });
  const passed = await ask();
  assert.deepEqual([passed.status, passed.attempts, passed.retryAfter], [503, 1, '30']);
});

test('retries stay within a fifth of the requests', async () => {
  configure({}, {}, ['one']);
  acts.one = failing(502);
  for (let i = 0; i < 10; i += 1) await askAll(50);
  assert.ok(asked.one > 500 && asked.one <= 500 * 1.2 + 5, String(asked.one));
});

test('a hedged request is answered by the quicker of two; the other is cancelled', async () => {
  configure({}, { hedgeAfterMs: 500 });
  let cancelled = 0;
  acts.one = (_, reply) => reply.on('close', () => (cancelled += 1));
  const answers = await askAll(4);
  assert.deepEqual(new Set(answers.map(({ text }) => text)), new Set(['well']));
  assert.ok(answers.every(({ tookMs }) => tookMs < 5000));
  assert.equal(asked.one, 2);
  await eventually(() => cancelled === 2);
});

test('a deadline is handed on and kept', async () => {
  configure({}, {}, ['one']);
  const told: number[] = [];
  acts.one = (incoming) => told.push(Number(incoming.headers['meridian-deadline-ms']));
  const late = await ask({ 'meridian-deadline-ms': '200' });
  assert.equal(late.status, 504);
  assert.match(late.text, /DeadlineExceeded/);
  assert.ok(late.tookMs >= 190 && late.tookMs < 2000, `${late.tookMs.toFixed(0)} ms`);
  assert.ok(told[0] !== undefined && told[0] > 100 && told[0] <= 200);
});

test('the breaker of an instance opens, is seen, and is closed by an operator', async () => {
  configure({ breaker: {} }, {}, ['one']);
  acts.one = failing(500);
  for (let i = 0; i < 5; i += 1) assert.equal((await ask()).status, 500);
  const refused = await ask();
  assert.equal(refused.status, 503);
  assert.match(refused.text, /CircuitOpen/);
  assert.equal(asked.one, 5, 'it is left alone');
  assert.equal(await stateOfOne('breakers'), 'open');
  acts.one = well;
  await admin('breakers/reset', 'POST');
  assert.equal((await ask()).status, 200);
});

test('the breaker half-opens by itself and closes after two good probes', async () => {
  configure({ breaker: { openMs: 200 } }, {}, ['one']);
  acts.one = failing(500);
  await askAll(5);
  acts.one = well;
  await eventually(async () => (await ask()).status === 200);
  assert.equal(await stateOfOne('breakers'), 'half-open');
  await ask();
  assert.equal(await stateOfOne('breakers'), 'closed');
});

for (const kind of ['http', 'tcp'] as const) {
  test(`an active check by ${kind} takes an instance out and puts it back`, async () => {
    const port = Number(new URL(upstreams.one.origin).port);
    const { server } = upstreams.one;
    configure({ activeCheck: { kind, intervalMs: 50, path: '/health' } });
    await eventually(async () => (await stateOfOne('upstreams')) === 'usable');
    acts.one = failing(503);
    if (kind === 'tcp') await upstreams.one.close();
    await eventually(async () => (await stateOfOne('upstreams')) === 'down');
    asked.one = 0;
    assert.ok((await askAll(20)).every(({ attempts }) => attempts === 1));
    assert.equal(asked.one, 0);
    acts.one = well;
    if (kind === 'tcp') await new Promise<void>((done) => server.listen(port, hosts[0], done));
    await eventually(async () => (await stateOfOne('upstreams')) === 'usable');
  });
}

test('failures in a row eject an instance; so does failing more than the others', async () => {
  configure({ passiveCheck: { consecutiveFailures: 5, ejectionMs: 60_000 } });
  acts.one = failing(500);
  for (let i = 0; i < 10; i += 1) await ask();
  assert.equal(await stateOfOne('upstreams'), 'ejected');
  assert.ok((await askAll(10)).every(({ status }) => status === 200));
  configure({ passiveCheck: { ...calm.passiveCheck, successMs: 200, successCallsMin: 10 } });
  let turn = 0;
  acts.one = (incoming, reply) => (turn++ % 3 === 0 ? failing(500) : well)(incoming, reply);
  await eventually(async () => {
    await askAll(20);
    return (await stateOfOne('upstreams')) === 'ejected';
  });
});

test('the zone of the gateway is preferred while it can serve', async () => {
  configure({ zone: 'zone-two', passiveCheck: { consecutiveFailures: 5, ejectionMs: 60_000 } });
  await askAll(20);
  assert.deepEqual(asked, { one: 0, two: 20 });
  acts.two = failing(503);
  await askAll(10);
  assert.ok((await askAll(20)).every(({ status }) => status === 200));
});

test('a full group sheds at once, and the others do not feel it', async () => {
  configure({ requestsMax: 2 }, {}, ['one']);
  acts.one = slow(400);
  const [answers, others] = await Promise.all([askAll(20), askAll(20, '/other')]);
  assert.equal(answers.filter(({ status }) => status === 200).length, 2);
  const shed = answers.filter(({ status }) => status === 503);
  assert.equal(shed.length, 18);
  assert.ok(shed.every(({ text, retryAfter }) => /overloaded/.test(text) && retryAfter === '1'));
  assert.ok(others.every(({ status }) => status === 200));
});

test('the adaptive limit follows what the upstreams can take', async () => {
  configure({ concurrency: { min: 2, max: 40 } }, {}, ['one']);
  const limit = async (): Promise<number> => {
    const { items } = await admin<{ items: { group: string; limit: number }[] }>('upstreams');
    return items.find(({ group }) => group === 'all')?.limit ?? NaN;
  };
  for (let i = 0; i < 5; i += 1) await askAll(5);
  const calmLimit = await limit();
  acts.one = slow(150);
  await eventually(async () => {
    await askAll(20);
    return (await limit()) < calmLimit / 2;
  });
  assert.ok((await limit()) >= 2);
});
