/** Where data and programs lie, and whose they are. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  checkReachable,
  ensureLocation,
  reachablePostgresHome,
} from '../../../services/local/postgres-place.ts';
import {
  canEnter,
  copyPostgres,
  locatePrograms,
  postgresUser,
} from '../../../services/local/programs.ts';
import { RegionNodes } from '../../../services/local/postgres/region-nodes.ts';
import type { RegionContext } from '../../../services/local/region-context.ts';
import { checkRoom } from '../../../services/local/process/disk-room.ts';
import { localRegionPaths, readLocation } from '../../../services/local/region-paths.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeLocalFiles } from '../../helpers/local-region.ts';

const user = postgresUser();
const isRoot = user !== null;

function newFolder(t: TestContext, mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-folders-'));
  chmodSync(folder, mode);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('PostgreSQL never runs as root', () => {
  assert.notEqual(user?.uid, 0);
});

test('data go where PostgreSQL can enter, and the choice is kept', async (t) => {
  const base = newFolder(t, 0o755);
  const stateFolder = join(newFolder(t, 0o700), '.meridian');
  mkdirSync(stateFolder);
  await ensureLocation(stateFolder, user, base);
  const location = readLocation(stateFolder);
  assert.equal(location !== null, isRoot);
  const { postgresFolder } = localRegionPaths(stateFolder, 'eu-west');
  if (isRoot) assert.throws(() => checkReachable(user, stateFolder), /cannot enter/);
  assert.ok(canEnter(user, isRoot ? postgresFolder : stateFolder));
  await ensureLocation(stateFolder, user, newFolder(t, 0o755));
  assert.equal(readLocation(stateFolder), location);
});

test('programs out of reach are copied once, whole', async (t) => {
  const base = newFolder(t, 0o755);
  const { postgresHome } = locatePrograms();
  const hidden = await copyPostgres(postgresHome, join(newFolder(t, 0o700), 'native'));
  const reachable = await reachablePostgresHome(hidden, user, base);
  assert.equal(reachable !== hidden, isRoot);
  const program = join(reachable, 'bin/postgres');
  const { mtimeMs } = statSync(program);
  assert.equal(await reachablePostgresHome(hidden, user, base), reachable);
  assert.equal(statSync(program).mtimeMs, mtimeMs);
});

test('a folder of another cluster is refused untouched', async (t) => {
  const files = await makeLocalFiles(['west']);
  t.after(() => files.remove());
  const { paths } = await files.context('west');
  const other = { clusterId: '00000000-0000-4000-8000-000000000000', region: 'west' };
  writeFileSync(paths.ownerFile, JSON.stringify(other));
  rmSync(paths.hostsJsonFile);
  await assert.rejects(files.context('west'), /belongs to region west of cluster 00000000/);
  assert.equal(existsSync(paths.hostsJsonFile), false);
});

test('a disk without room is named with what is missing', async () => {
  await checkRoom(tmpdir(), 0);
  await assert.rejects(checkRoom(tmpdir(), 2 ** 60), /^Error: The disk is full: \d+ MB left for /);
});

test('a region runs the PostgreSQL that its section names, and none before 17', async (t) => {
  const files = await makeLocalFiles(['west']);
  t.after(() => files.remove());
  const home = join(files.stateFolder, 'postgres-of-the-host');
  const open = (): Promise<RegionContext> => {
    const regions = files.cluster.regions.map((region) => ({ ...region, postgres: { home } }));
    return files.context('west', { ...files.cluster, regions });
  };
  mkdirSync(home);
  await assert.rejects(open(), /There is no PostgreSQL in .*postgres-of-the-host/);
  rmSync(home, { recursive: true });
  symlinkSync(locatePrograms().postgresHome, home);
  const context = await open();
  assert.equal(context.programs.postgresHome, home);
  const nodes = new RegionNodes(context);
  const id = nodes.idOf('pg-1');
  await nodes.initialise(id);
  await nodes.start(id, 'normal', null);
  t.after(() => nodes.shutDown());
  const { pid } = await eventually(() => {
    const state = nodes.stateOf(id);
    return state.process === 'running' ? state : null;
  });
  assert.equal(commandOf(pid ?? 0), join(home, 'bin/postgres'));
});

function commandOf(pid: number): string {
  return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').split('\0')[0] ?? '';
}
