import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  clusterPaths,
  localRegionPaths,
  nodeName,
  readLocation,
} from '../../../../services/local/region-paths.ts';
import { parseNodeId } from '../../../../shared/core/node.ts';

test('data lie below the state folder unless its location file names another folder', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-paths-'));
  t.after(() => rmSync(folder, { recursive: true }));
  assert.equal(readLocation(folder), null);
  const inside = localRegionPaths(folder, 'eu-west').postgresFolder;
  assert.equal(inside, join(folder, 'regions/eu-west/postgres'));
  writeFileSync(clusterPaths(folder).locationFile, '/var/lib/meridian/x\n');
  assert.equal(localRegionPaths(folder, 'eu-west').postgresFolder, '/var/lib/meridian/x/eu-west');
  assert.equal(localRegionPaths(folder, 'eu-west').folder, join(folder, 'regions/eu-west'));
});

test('regions share no folder', () => {
  const west = new Set(Object.values(localRegionPaths('/m', 'eu-west')));
  assert.deepEqual(
    Object.values(localRegionPaths('/m', 'us-east')).filter((path) => west.has(path)),
    [],
  );
});

test('the name of a node', () => {
  const id = parseNodeId('eu-west/pg-2');
  assert.ok(id !== null);
  assert.equal(nodeName(id), 'pg-2');
});
