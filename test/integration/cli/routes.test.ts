/** `meridian routes` against a real gateway. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { clusterPaths, localRegionPaths } from '../../../services/local/region-paths.ts';
import { loadClusterFile, loadSecrets } from '../../../shared/config/load.ts';
import { startTestGateway, type TestGateway } from '../../helpers/gateway.ts';
import { createCliFolder, type CliFolder } from './cli-run.ts';

let place: CliFolder;
let gateway: TestGateway;

before(async () => {
  place = await createCliFolder();
  const { folder } = place;
  const cluster = loadClusterFile(clusterPaths(folder).clusterFile, clusterConfigSchema, {});
  const secrets = loadSecrets(localRegionPaths(folder, 'eu-west').secretsFile);
  const config = {
    residency: [{ tenants: ['acme'], regions: ['us-east'] }],
    clientHints: { country: 'cf-ipcountry' },
    groups: { shop: { targets: [{ url: 'http://192.0.2.1:80' }] } },
    routes: [
      { id: 'cart', group: 'shop', match: { path: '/cart', hosts: ['a.example'] }, sticky: {} },
      { id: 'own', group: 'shop', match: { path: '/own' }, crossRegion: 'never' },
      { id: 'away', group: 'shop', match: { path: '/away' }, crossRegion: 'redirect' },
      { id: 'rest', group: 'shop' },
    ],
  };
  gateway = await startTestGateway({ cluster, region: 'eu-west', secrets, config });
});

after(async () => {
  await gateway.stop();
  await place.remove();
});

test('routes: what is matched in which order, and every upstream', async () => {
  const { code, out } = await place.run(['routes']);
  assert.equal(code, 0);
  assert.match(out, /^cart +ANY a\.example\/cart\/\* +shop +proxy +sticky$/m);
  assert.match(out, /^rest +ANY \/\* +shop +proxy +-$/m);
  assert.match(out, /^shop +http:\/\/192\.0\.2\.1:80 +\w+ +1 +0 +- +closed +0 +0 +0$/m);
  const json = JSON.parse((await place.run(['routes', 'list', '--json'])).out) as {
    routes: { id: string }[];
    upstreams: unknown[];
    breakers: unknown[];
  };
  assert.deepEqual(
    json.routes.map(({ id }) => id),
    ['cart', 'own', 'away', 'rest'],
  );
  assert.deepEqual([json.upstreams.length, json.breakers.length], [1, 1]);
});

test('routes explain: the place, the rule, every region with its last probe', async () => {
  const question = ['routes', 'explain', '--ip', '8.8.8.8', '--path', '/cart'];
  const asked = [...question, '--host', 'a.example', '--header', 'cf-ipcountry: US', '--json'];
  const answer = JSON.parse((await place.run(asked)).out) as {
    route: string;
    place: { country: string };
    decision: { region: string };
    regions: { id: string; probe: { why: string | null } | null }[];
  };
  assert.equal(answer.route, 'cart');
  assert.equal(answer.place.country, 'US');
  assert.equal(answer.decision.region, 'eu-west', 'the other region does not answer');
  const other = answer.regions.find(({ id }) => id === 'us-east');
  assert.match(String(other?.probe?.why), /ENOTFOUND|EAI_AGAIN|aborted/);
  const { out, code } = await place.run([...question, '--tenant', 'acme']);
  assert.equal(code, 0);
  assert.match(out, /decision why +panic/);
  assert.match(out, /decision region +us-east/, 'nobody else is allowed to');
});

test('routes explain: what the route does with a request for another region', async () => {
  const explain = async (path: string, tenant: string): Promise<Explained> => {
    const asked = ['routes', 'explain', '--ip', '8.8.8.8', '--path', path, '--tenant', tenant];
    return JSON.parse((await place.run([...asked, '--json'])).out) as Explained;
  };
  const away = await explain('/away?x=1', 'acme');
  assert.equal(away.decision.region, 'us-east');
  assert.match(String(away.decision.location), /^https?:\/\/.+\/away\?x=1$/);
  assert.deepEqual(away.residency, [{ countries: [], tenants: ['acme'], regions: ['us-east'] }]);
  const stays = await explain('/own', 'acme');
  assert.deepEqual([stays.decision.kind, stays.decision.region], ['refuse', null]);
  const own = await explain('/own', 'other');
  assert.deepEqual([own.decision.region, own.decision.why], ['eu-west', 'own-only']);
  assert.deepEqual([own.residency, own.decision.location], [[], null]);
});

interface Explained {
  readonly decision: {
    readonly kind: string;
    readonly why: string;
    readonly region: string | null;
    readonly location: string | null;
  };
  readonly residency: readonly unknown[];
}
