import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { clusterConfigSchema } from '../../../../services/cluster-config.ts';
import { ensureClusterFiles } from '../../../../services/local/cluster-files.ts';
import { clusterPaths, localRegionPaths } from '../../../../services/local/region-paths.ts';
import { loadClusterFile, loadSecrets } from '../../../../shared/config/load.ts';

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), 'meridian-files-'));
}

test('writes a cluster file that the schema accepts, and one secrets file a region', async (t) => {
  const folder = newFolder();
  t.after(() => rmSync(folder, { recursive: true }));
  await ensureClusterFiles(folder);
  const cluster = loadClusterFile(clusterPaths(folder).clusterFile, clusterConfigSchema, {});
  assert.deepEqual(
    cluster.regions.map(({ id, bind }) => [id, bind]),
    [
      ['eu-west', '127.0.0.2'],
      ['us-east', '127.0.0.3'],
      ['ap-south', '127.0.0.4'],
    ],
  );
  assert.equal(new Set(cluster.regions.map(({ kafka }) => kafka.directoryId)).size, 3);
  const secrets = cluster.regions.map(({ id }) =>
    loadSecrets(localRegionPaths(folder, id).secretsFile),
  );
  assert.equal(new Set(secrets.map(({ shared }) => JSON.stringify(shared))).size, 1);
  assert.equal(new Set(secrets.map(({ own }) => own.agentToken)).size, 3);
});

test('secrets can be read by their owner alone', async (t) => {
  const folder = newFolder();
  t.after(() => rmSync(folder, { recursive: true }));
  await ensureClusterFiles(folder);
  const { mode } = statSync(localRegionPaths(folder, 'eu-west').secretsFile);
  assert.equal(mode & 0o777, 0o600);
});

test('what is there stays', async (t) => {
  const folder = newFolder();
  t.after(() => rmSync(folder, { recursive: true }));
  await ensureClusterFiles(folder);
  const read = (): string[] => [
    readFileSync(clusterPaths(folder).clusterFile, 'utf8'),
    readFileSync(localRegionPaths(folder, 'us-east').secretsFile, 'utf8'),
  ];
  const before = read();
  await ensureClusterFiles(folder);
  assert.deepEqual(read(), before);
});

test('any number of regions and nodes, in any order', async (t) => {
  const folder = newFolder();
  t.after(() => rmSync(folder, { recursive: true }));
  const regions = ['zz-9', 'aa-1'].map((id, index) => ({
    ...{ id, name: id, bind: `127.9.0.${String(index + 1)}`, latitude: 0, longitude: 0 },
  }));
  await ensureClusterFiles(folder, { regions, nodesPerRegion: 3 });
  const cluster = loadClusterFile(clusterPaths(folder).clusterFile, clusterConfigSchema, {});
  assert.deepEqual(cluster.policy.priority, ['zz-9', 'aa-1']);
  assert.deepEqual(
    cluster.regions[1]?.nodes.map(({ id }) => id),
    ['aa-1/pg-1', 'aa-1/pg-2', 'aa-1/pg-3'],
  );
});
