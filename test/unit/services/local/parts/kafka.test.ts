import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { clusterConfigSchema } from '../../../../../services/cluster-config.ts';
import { ensureClusterFiles, newCluster } from '../../../../../services/local/cluster-files.ts';
import {
  initialControllers,
  kafkaProperties,
  quorumArguments,
} from '../../../../../services/local/parts/kafka.ts';
import { clusterPaths, localRegionPaths } from '../../../../../services/local/region-paths.ts';
import { kafkaPlaces } from '../../../../../shared/config/cluster-schema.ts';
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

test('no two of three voters ask for votes at the same time', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-kafka-'));
  t.after(() => rmSync(folder, { recursive: true }));
  await ensureClusterFiles(folder);
  const cluster = loadClusterFile(clusterPaths(folder).clusterFile, clusterConfigSchema, {});
  const timeouts = cluster.regions.map((region) => {
    const text = kafkaProperties({ cluster, region, paths: localRegionPaths(folder, region.id) });
    return Number(/^controller\.quorum\.fetch\.timeout\.ms=(\d+)$/m.exec(text)?.[1]);
  });
  const [first = 0, second = 0, third = 0] = timeouts.toSorted((a, b) => a - b);
  assert.deepEqual([second - first, third - second], [200, 200]);
});

test('a witness is the third voter; who joins later is no part of the first quorum', () => {
  const place = (id: string, bind: string) => ({ id, host: `${id}.meridian.internal`, bind });
  const regions = ['eu-west', 'us-east'].map((id, index) => ({
    ...place(id, `127.0.0.${String(2 + index)}`),
    ...{ name: id, latitude: 0, longitude: 0 },
  }));
  const made = newCluster(regions, 1, [place('third', '127.0.0.4')]);
  const cluster = clusterConfigSchema.parse(made);
  const [first, , third] = kafkaPlaces(cluster);
  assert.ok(first !== undefined && third !== undefined);
  assert.match(initialControllers(cluster), /^1@eu-west.*,2@us-east.*,3@third\.meridian/);
  assert.deepEqual(quorumArguments(cluster, third.kafka)[0], '--initial-controllers');
  const later = { ...third.kafka, joinsLater: true };
  assert.deepEqual(quorumArguments(cluster, later), ['--no-initial-controllers']);
  const grown = { ...cluster, witnesses: [{ ...third, kafka: later }] };
  assert.doesNotMatch(initialControllers(grown), /third/);
  assert.deepEqual(quorumArguments(cluster, { ...third.kafka, isVoter: false }), []);
});
