import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { clusterConfigSchema } from '../../../../../services/cluster-config.ts';
import { ensureClusterFiles } from '../../../../../services/local/cluster-files.ts';
import { kafkaProperties } from '../../../../../services/local/parts/kafka.ts';
import { clusterPaths, localRegionPaths } from '../../../../../services/local/region-paths.ts';
import { loadClusterFile } from '../../../../../shared/config/load.ts';

test('a node binds its address, advertises its name, and is named after its region', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-kafka-'));
  t.after(() => rmSync(folder, { recursive: true }));
  await ensureClusterFiles(folder);
  const cluster = loadClusterFile(clusterPaths(folder).clusterFile, clusterConfigSchema, {});
  const region = cluster.regions[1];
  assert.ok(region !== undefined);
  const paths = localRegionPaths(folder, region.id);
  const text = kafkaProperties({ cluster, region, paths });
  assert.match(text, /^broker\.rack=us-east$/m);
  assert.match(text, /^listeners=CLIENT:\/\/127\.0\.0\.3:9092,/m);
  assert.match(text, /^advertised\.listeners=CLIENT:\/\/us-east\.meridian\.internal:9092,/m);
  assert.match(text, /^process\.roles=broker,controller$/m);
  const voterless = { ...region, kafka: { ...region.kafka, isVoter: false } };
  const other = kafkaProperties({ cluster, region: voterless, paths });
  assert.match(other, /^process\.roles=broker$/m);
  assert.doesNotMatch(other, /^listeners=.*CONTROLLER/m);
});
