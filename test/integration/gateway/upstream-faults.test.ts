/**
 * 500 requests a second over three upstreams, one of which is killed, frozen, slowed: no
 * idempotent request fails, retries stay within a fifth, and answers are quick again in a second.
 */
// test: alone deadline 120 s
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { eventually } from '../../helpers/eventually.ts';
import { startGatewayProcess, type GatewayProcess } from '../../helpers/gateway-process.ts';
import { loopbackAddresses, testCluster, testSecrets } from '../../helpers/gateway.ts';
import { startHttpUpstream } from '../../helpers/http-upstream.ts';
import { percentile, startLoad, type LoadResult } from '../../helpers/open-loop.ts';
import { startSampleUpstream, type SampleUpstream } from '../../helpers/sample-upstream.ts';

const perSecond = 500;
const faultMs = 1500;
const seconds = Number(process.env['GATEWAY_FAULT_SECONDS'] ?? 5);
let upstreams: SampleUpstream[] = [];
let gateway: GatewayProcess;

beforeEach(async () => {
  const [address = '', ...hosts] = loopbackAddresses(4);
  upstreams = await Promise.all(hosts.map((host) => startSampleUpstream(host, 7090)));
  const targets = upstreams.map(({ origin }) => ({ url: origin }));
  gateway = await startGatewayProcess({
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: { groups: { default: { targets, algorithm: 'round-robin' } } },
  });
});

afterEach(async () => {
  await gateway.kill();
  for (const upstream of upstreams) {
    upstream.thaw();
    await upstream.kill();
  }
});

/** Load with `fault` after a second; requests that were due before it are its measure. */
async function underLoad(path: string, fault: () => unknown): Promise<LoadResult> {
  const load = startLoad(() => `${gateway.origin}${path}`, perSecond);
  await eventually(() => performance.now() - load.startedMs > faultMs);
  await fault();
  await eventually(() => performance.now() - load.startedMs > seconds * 1000, {
    deadlineMs: seconds * 2000,
  });
  return load.finish();
}

async function judge(result: LoadResult, name: string): Promise<void> {
  const attempts = await gateway.metric('meridian_gateway_attempts_total');
  const amplification = attempts / result.sent;
  const recoveryMs = lastSlowWindowMs(result);
  const p99 = percentile(
    result.samples.map(({ tookMs }) => tookMs),
    0.99,
  );
  console.log(
    `${name}: ${String(result.sent)} sent, ${String(result.failures.length)} failed, ` +
      `amplification ${amplification.toFixed(3)}, quick again ${String(recoveryMs)} ms ` +
      `after the fault, p99 ${p99.toFixed(0)} ms`,
  );
  assert.deepEqual(result.failures.slice(0, 5), []);
  assert.ok(amplification <= 1.2, `amplification ${amplification.toFixed(3)}`);
  assert.ok(recoveryMs <= 1000, `slow answers for ${String(recoveryMs)} ms`);
}

/** When the last tenth of a second ended of whose requests more than 5 % took over 250 ms. */
function lastSlowWindowMs(result: LoadResult): number {
  const windows = Map.groupBy(result.samples, ({ atMs }) => Math.floor((atMs - faultMs) / 100));
  const slow = [...windows].filter(([window, samples]) => {
    const late = samples.filter(({ tookMs }) => tookMs > 250).length;
    return window >= 0 && late > samples.length * 0.05;
  });
  return Math.max(0, ...slow.map(([window]) => (window + 1) * 100));
}

test('one is killed', async () => {
  await judge(await underLoad('/', () => upstreams[0]?.kill()), 'killed');
});

test('one is frozen', async () => {
  await judge(await underLoad('/', () => upstreams[0]?.freeze()), 'frozen');
});

test('one is frozen and thawed: it serves again', async () => {
  const result = await underLoad('/', async () => {
    upstreams[0]?.freeze();
    await eventually(async () => (await gateway.metric('meridian_gateway_retries_total')) > 0);
    upstreams[0]?.thaw();
  });
  assert.deepEqual(result.failures.slice(0, 5), []);
});

test('one is slow: the adaptive algorithm leaves it alone', async () => {
  const [address = '', ...hosts] = loopbackAddresses(4);
  const slow = await startHttpUpstream((_, reply) => {
    setTimeout(() => reply.end('late'), isSlow ? 1000 : 0);
  }, hosts[0]);
  let isSlow = false;
  const quick = await Promise.all(hosts.slice(1).map((host) => startSampleUpstream(host, 7090)));
  const targets = [slow, ...quick].map(({ origin }) => ({ url: origin }));
  const other = await startGatewayProcess({
    cluster: testCluster({ 'eu-west': address }),
    region: 'eu-west',
    secrets: testSecrets('eu-west'),
    config: { groups: { default: { targets, activeCheck: { timeoutMs: 5000 } } } },
  });
  await gateway.kill();
  gateway = other;
  const result = await underLoad('/', () => {
    isSlow = true;
  });
  await slow.close();
  for (const upstream of quick) await upstream.kill();
  const late = result.samples.filter(({ atMs }) => atMs > 2500);
  const share = late.filter(({ tookMs }) => tookMs > 500).length / late.length;
  await judge(result, 'slow');
  assert.ok(share < 0.02, `${(share * 100).toFixed(2)} % of the answers were slow`);
});
