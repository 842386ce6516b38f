/** docker-compose.regions.yml as a real Compose loader understands it. No engine runs it here. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { clusterConfigSchema } from '../../../services/cluster-config.ts';
import { crossRegionPorts } from '../../../services/local/region-addresses.ts';
import { loadClusterFile } from '../../../shared/config/load.ts';
import { createComposeLoader, type ComposeService } from './load-compose.ts';

const repositoryFolder = resolve(import.meta.dirname, '../../..');
const composeFile = join(repositoryFolder, 'docker-compose.regions.yml');
const exampleFile = join(repositoryFolder, 'infra/docker/meridian.example.yaml');
const regions = ['eu-west', 'us-east', 'ap-south'];
const parts = ['database', 'settings', 'cache', 'log', 'meridian'];

const loader = createComposeLoader();
after(() => loader.close());
const model = loader.load(composeFile, regions);

function serviceOf(name: string): ComposeService {
  const service = model.services[name];
  assert.ok(service !== undefined, `${name} is missing`);
  return service;
}

test(`the file is loaded (${loader.name}): one stack per region`, () => {
  const expected = regions.flatMap((region) => parts.map((part) => `${region}-${part}`));
  assert.deepEqual(Object.keys(model.services).sort(), expected.sort());
});

test('a broken file is refused: the loader does check', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-compose-'));
  const file = join(folder, 'broken.yml');
  writeFileSync(file, 'services: { a: { image: x, depends_on: { b: { condition: maybe } } } }\n');
  assert.throws(() => loader.load(file, []), /refuses the file/);
  rmSync(folder, { recursive: true });
});

const cluster = loadClusterFile(exampleFile, clusterConfigSchema, {});

test('the cluster file of the example is valid, secured, and names the same regions', () => {
  assert.equal(cluster.security.mode, 'tls');
  assert.deepEqual(
    cluster.regions.map((region) => region.id),
    regions,
  );
});

for (const region of regions) {
  test(`${region}: every part is in its profile, limited and pinned`, () => {
    for (const part of parts) {
      const service = serviceOf(`${region}-${part}`);
      assert.deepEqual(service.profiles, [region]);
      assert.match(service.image, /:\d+\.\d+\.\d+/, 'an exact version');
      assert.ok(Number(service.cpus) > 0 && service.mem_limit !== undefined);
      assert.ok(Number(service.pids_limit) > 0);
    }
  });

  test(`${region}: database → cache → log → Meridian, each when the one before is healthy`, () => {
    for (const [part, before] of [
      ['cache', 'database'],
      ['log', 'cache'],
      ['meridian', 'log'],
    ] as const) {
      assert.ok(serviceOf(`${region}-${before}`).healthcheck !== undefined);
      const { condition } =
        serviceOf(`${region}-${part}`).depends_on?.[`${region}-${before}`] ?? {};
      assert.equal(condition, 'service_healthy');
    }
    assert.ok(serviceOf(`${region}-meridian`).healthcheck !== undefined);
  });

  test(`${region}: one network namespace under the host name of the cluster file`, () => {
    const aliases = serviceOf(`${region}-database`).networks?.['regions']?.aliases;
    assert.deepEqual(aliases, [`${region}.meridian.internal`]);
    for (const part of ['cache', 'log', 'meridian']) {
      const { network_mode: mode } = serviceOf(`${region}-${part}`);
      assert.equal(mode, `service:${region}-database`);
    }
  });

  test(`${region}: every port that other regions dial is published, and the agent's`, () => {
    const place = cluster.regions.find(({ id }) => id === region);
    assert.ok(place !== undefined);
    const published = serviceOf(`${region}-database`).ports ?? [];
    const expected = [...crossRegionPorts(place), place.agentPort];
    const byNumber = (a: number, b: number): number => a - b;
    assert.deepEqual(published.map(({ target }) => target).sort(byNumber), expected.sort(byNumber));
    assert.ok(published.every(({ target, published: port }) => port === String(target)));
  });

  test(`${region}: data in named volumes, secrets from a file`, () => {
    for (const volume of ['database', 'settings', 'log']) {
      assert.ok(Object.hasOwn(model.volumes, `${region}-${volume}`));
    }
    assert.match(model.secrets[region]?.file ?? '', new RegExp(`/${region}\\.secrets\\.yaml$`));
    const environment = serviceOf(`${region}-database`).environment ?? {};
    assert.equal(environment['MERIDIAN_SECRETS'], `/run/secrets/${region}`);
  });
}

test('no secret is handed over by environment or argument', () => {
  for (const [name, service] of Object.entries(model.services)) {
    const words = [...Object.keys(service.environment ?? {}), ...(service.command ?? [])];
    const secret = words.find((word) => /password|token|_key/i.test(word));
    assert.equal(secret, undefined, name);
  }
});

test('images built here have their target in the Dockerfile, which pins official ones', () => {
  const dockerfile = readFileSync(join(repositoryFolder, 'infra/docker/Dockerfile'), 'utf8');
  for (const part of ['database', 'meridian', 'settings']) {
    const target = serviceOf(`eu-west-${part}`).build?.target ?? '';
    assert.match(dockerfile, new RegExp(`^FROM .* AS ${target}$`, 'm'));
  }
  for (const line of dockerfile.matchAll(/^ARG \w+_VERSION=(.*)$/gm)) {
    assert.match(line[1] ?? '', /^\d+\.\d+/);
  }
  assert.match(dockerfile, /^USER 999:999$/m);
  assert.match(dockerfile, /^HEALTHCHECK /m);
});
