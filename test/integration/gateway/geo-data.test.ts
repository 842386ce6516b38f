/** Where clients are: which headers tell their address, and tables that are read while running. */
// test: light
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { request } from 'undici';
import { signAccessToken } from '../../../shared/auth/access-token.ts';
import { createGeoLocator } from '../../../services/gateway/io/geo-locator.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  loopbackAddresses,
  startTestGateway,
  testCluster,
  testSecrets,
} from '../../helpers/gateway.ts';
import { startHttpUpstream } from '../../helpers/http-upstream.ts';

test('new tables are read once they rest; broken ones leave the old', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-geo-'));
  const file = join(folder, 'city.dat');
  writeFileSync(file, 'first');
  let country = 'DE';
  let broken: Error | null = null;
  const tables = {
    lookup: () => ({ country }),
    reloadData: (done: (error: Error | null) => void) => done(broken),
  };
  const geo = await createGeoLocator({ tables, file, pollMs: 20 });
  const reloads: (Error | null)[] = [];
  geo.follow((error) => reloads.push(error));
  /** Until it is noticed: the watch may take its first look after the first write. */
  const replace = (): Promise<unknown> => {
    const before = reloads.length;
    const write = (): boolean => {
      if (reloads.length === before) writeFileSync(file, String(performance.now()));
      return reloads.length > before;
    };
    return eventually(write, { intervalMs: 300 });
  };
  assert.deepEqual(geo.locate('8.8.8.8'), { kind: 'country', country: 'DE' });
  country = 'CH';
  assert.deepEqual(geo.locate('8.8.8.8'), { kind: 'country', country: 'DE' }, 'from the cache');
  await replace();
  assert.deepEqual(geo.locate('8.8.8.8'), { kind: 'country', country: 'CH' });
  broken = new Error('no tables');
  await replace();
  assert.equal(reloads.at(-1), broken);
  assert.deepEqual(geo.locate('8.8.8.8'), { kind: 'country', country: 'CH' });
  geo.stop();
  rmSync(folder, { recursive: true });
});

test('the tables of geoip-lite are read anew on request, while clients are located', async (t) => {
  const [address = ''] = loopbackAddresses(1);
  const cluster = testCluster({ 'eu-west': address });
  const secrets = testSecrets('eu-west');
  const gateway = await startTestGateway({ cluster, region: 'eu-west', secrets, config: {} });
  t.after(() => gateway.stop());
  const token = await signAccessToken({
    ...{ clusterId: cluster.clusterId, keys: secrets.shared.accessKeys, role: 'app' },
    ...{ subject: 'test', ttlSeconds: 600, scopes: ['admin:operator'] },
  });
  const headers = { authorization: `Bearer ${token}` };
  const country = async (ip: string): Promise<string> => {
    const url = `${gateway.adminOrigin}/admin/routes/explain?ip=${ip}`;
    const reply = await request(url, { headers });
    return ((await reply.body.json()) as { place: { country: string } }).place.country;
  };
  assert.equal(await country('8.8.8.8'), 'US');
  const url = `${gateway.adminOrigin}/admin/geo/reload`;
  const [reloaded, meanwhile] = await Promise.all([
    request(url, { method: 'POST', headers }),
    country('91.198.174.192'),
  ]);
  assert.deepEqual(await reloaded.body.json(), { reloaded: true });
  assert.match(meanwhile, /^[A-Z]{2}$/);
  assert.equal(await country('8.8.4.4'), 'US');
});

const sources = [
  { source: 'forwarded', header: 'forwarded', value: 'for=198.51.100.7;proto=https' },
  { source: 'x-real-ip', header: 'x-real-ip', value: '198.51.100.7' },
  { source: 'cf-connecting-ip', header: 'cf-connecting-ip', value: '198.51.100.7' },
  { source: 'true-client-ip', header: 'true-client-ip', value: '198.51.100.7' },
  { source: 'fastly-client-ip', header: 'fastly-client-ip', value: '198.51.100.7' },
];
test('each header that tells the client’s address counts only when it is asked for', async (t) => {
  const upstream = await startHttpUpstream((incoming, reply) =>
    reply.end(incoming.headers['x-forwarded-for']),
  );
  t.after(() => upstream.close());
  for (const chosen of sources) {
    const [address = ''] = loopbackAddresses(1);
    const gateway = await startTestGateway({
      cluster: testCluster({ 'eu-west': address }),
      region: 'eu-west',
      secrets: testSecrets('eu-west'),
      config: {
        trustedProxies: ['127.0.0.0/8'],
        addressSources: [chosen.source],
        groups: { default: { targets: [{ url: upstream.origin }] } },
        routes: [{ id: 'default', group: 'default' }],
      },
    });
    for (const { header, value } of sources) {
      const reply = await request(gateway.origin, { headers: { [header]: value } });
      const isTold = (await reply.body.text()).includes('198.51.100.7');
      assert.equal(isTold, header === chosen.header, `${header} while ${chosen.source} counts`);
    }
    await gateway.stop();
  }
});
