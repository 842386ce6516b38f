/**
 * A whole region killed under load from clients of all regions: gateway and upstream at once, no
 * goodbye. Failures are counted at the socket, clients do not retry.
 */
// test: alone deadline 120 s
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { request } from 'undici';
import { eventually } from '../../helpers/eventually.ts';
import { startGatewayProcess, type GatewayProcess } from '../../helpers/gateway-process.ts';
import { loopbackAddresses, testCluster, testSecrets } from '../../helpers/gateway.ts';
import { startLoad, type LoadResult } from '../../helpers/open-loop.ts';
import { startSampleUpstream, type SampleUpstream } from '../../helpers/sample-upstream.ts';

const regions = ['eu-west', 'us-east', 'ap-south'] as const;
type Region = (typeof regions)[number];

/** Addresses that geoip-lite's tables place near each region. */
const clients = { 'eu-west': '91.198.174.192', 'us-east': '8.8.8.8', 'ap-south': '49.44.64.1' };
const lost: Region = 'ap-south';
const perSecond = 40;
const faultMs = 1500;
const seconds = Number(process.env['GATEWAY_FAULT_SECONDS'] ?? 5);
const upstreams = new Map<Region, SampleUpstream>();
const gateways = new Map<Region, GatewayProcess>();

before(async () => {
  const addresses = loopbackAddresses(3);
  const cluster = testCluster(
    Object.fromEntries(regions.map((region, index) => [region, addresses[index] ?? ''])),
  );
  const { shared } = testSecrets('eu-west');
  const config = {
    trustedProxies: ['127.0.0.0/8'],
    regions: { probe: { intervalMs: 1000, timeoutMs: 500, recheckMs: 100 } },
  };
  for (const { id, bind } of cluster.regions) {
    const region = id as string as Region;
    upstreams.set(region, await startSampleUpstream(bind, 7090, region));
    const secrets = testSecrets(region, shared);
    gateways.set(region, await startGatewayProcess({ cluster, region, secrets, config }));
  }
  for (const at of regions)
    for (const near of regions) await eventually(async () => (await servedBy(at, near)) === near);
});

after(async () => {
  for (const gateway of gateways.values()) await gateway.kill();
  for (const upstream of upstreams.values()) await upstream.kill();
});

function originOf(region: Region): string {
  const gateway = gateways.get(region);
  assert.ok(gateway !== undefined);
  return gateway.origin;
}

async function servedBy(at: Region, near: Region): Promise<string> {
  const reply = await request(originOf(at), { headers: { 'x-forwarded-for': clients[near] } });
  await reply.body.dump();
  return String(reply.headers['meridian-region']);
}

/** When the last failed or slow (over 250 ms) request was due, after the fault; 0: none. */
function troubleMs({ samples, failures }: LoadResult): number {
  const slow = samples.filter(({ tookMs }) => tookMs > 250);
  const late = [...slow, ...failures].map(({ atMs }) => atMs - faultMs);
  return Math.max(0, ...late);
}

test('a whole region is killed under load', async () => {
  const loads = regions.flatMap((at) =>
    regions.map((near) => {
      const headers = { 'x-forwarded-for': clients[near] };
      return { at, near, load: startLoad(() => originOf(at), perSecond, headers) };
    }),
  );
  const startMs = performance.now();
  await eventually(() => performance.now() - startMs > faultMs);
  await Promise.all([gateways.get(lost)?.kill(), upstreams.get(lost)?.kill()]);
  await eventually(() => performance.now() - startMs > seconds * 1000, { deadlineMs: 60_000 });
  const results = await Promise.all(
    loads.map(async ({ at, near, load }) => ({ at, near, result: await load.finish() })),
  );
  for (const { at, near, result } of results) {
    console.log(
      `clients near ${near}, asking ${at}: ${String(result.sent)} sent, ` +
        `${String(result.failures.length)} failed, trouble ${troubleMs(result).toFixed(0)} ms`,
    );
  }
  const surviving = results.filter(({ at }) => at !== lost);
  // Clients whose region is there still tell what the machine itself is slow at.
  const unconcerned = surviving.filter(({ near }) => near !== lost);
  const noiseMs = Math.max(...unconcerned.map(({ result }) => troubleMs(result)));
  for (const { at, near, result } of surviving) {
    assert.deepEqual(result.failures.slice(0, 5), [], `clients near ${near}, asking ${at}`);
    const recoveryMs = troubleMs(result);
    assert.ok(recoveryMs <= noiseMs + 1000, `${near} at ${at}: ${recoveryMs.toFixed(0)} ms`);
  }
  for (const near of regions) assert.notEqual(await servedBy('eu-west', near), lost);
});
