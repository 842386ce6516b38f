import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  dataStateOf,
  isStandbyData,
  makeEmptyData,
  moveAside,
  nodeFolder,
  readRecord,
  writeRecord,
  type NodeFolder,
} from '../../../../../services/local/postgres/node-folder.ts';

const record = { lastMode: null, primary: null, recoveredTo: '0/9000000', schema: 'abc' };

function newNode(t: TestContext): NodeFolder {
  const parent = mkdtempSync(join(tmpdir(), 'meridian-node-'));
  t.after(() => rmSync(parent, { recursive: true }));
  return nodeFolder(parent, 'pg-1');
}

test('data without a record are half made', async (t) => {
  const folder = newNode(t);
  assert.equal(dataStateOf(folder), 'none');
  await makeEmptyData(folder, null);
  assert.equal(dataStateOf(folder), 'half-made');
  assert.equal(readRecord(folder), null);
  await writeRecord(folder, record);
  assert.equal(dataStateOf(folder), 'ready');
  assert.deepEqual(readRecord(folder), { ...record, version: 1 });
});

test('a record of a program that knew nothing of schema versions is read', async (t) => {
  const folder = newNode(t);
  await makeEmptyData(folder, null);
  const before = { version: 1, lastMode: 'normal', primary: null, recoveredTo: null };
  writeFileSync(folder.recordFile, JSON.stringify(before));
  assert.equal(readRecord(folder)?.schema, null);
});

test('a new attempt begins with nothing', async (t) => {
  const folder = newNode(t);
  await makeEmptyData(folder, null);
  writeFileSync(join(folder.dataFolder, 'standby.signal'), '');
  await writeRecord(folder, record);
  assert.equal(isStandbyData(folder), true);
  await makeEmptyData(folder, null);
  assert.deepEqual(readdirSync(folder.dataFolder), []);
  assert.equal(dataStateOf(folder), 'half-made');
});

test('set aside, the data keep a name with the time', async (t) => {
  const folder = newNode(t);
  await makeEmptyData(folder, null);
  const aside = await moveAside(folder, new Date('2026-11-21T14:00:00.000Z'));
  assert.equal(aside, `${folder.folder}.aside-2026-11-21T14-00-00-000Z`);
  assert.ok(existsSync(join(aside, 'data')));
  assert.equal(dataStateOf(folder), 'none');
});
