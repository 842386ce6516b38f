import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { clusterConfigSchema } from '../../../../../services/cluster-config.ts';
import { ensureClusterFiles } from '../../../../../services/local/cluster-files.ts';
import { clusterPaths } from '../../../../../services/local/region-paths.ts';
import { ensureWanSettings, wanHostsOf } from '../../../../../services/local/wan/wan-settings.ts';
import { loadClusterFile } from '../../../../../shared/config/load.ts';

test('an address for every ordered pair; each region sees the others behind its own', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-wan-'));
  t.after(() => rmSync(folder, { recursive: true }));
  await ensureClusterFiles(folder);
  const { clusterFile, wanFile } = clusterPaths(folder);
  const cluster = loadClusterFile(clusterFile, clusterConfigSchema, {});
  const settings = await ensureWanSettings(wanFile, cluster);
  assert.equal(new Set(settings.pairs.map(({ address }) => address)).size, 6);
  const hosts = wanHostsOf(settings, 'us-east');
  assert.deepEqual(Object.keys(hosts).sort(), [
    'ap-south.meridian.internal',
    'eu-west.meridian.internal',
  ]);
  const other = wanHostsOf(settings, 'ap-south');
  assert.notEqual(hosts['eu-west.meridian.internal'], other['eu-west.meridian.internal']);
  assert.deepEqual(await ensureWanSettings(wanFile, cluster), settings);
});
