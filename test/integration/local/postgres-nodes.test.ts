// test: deadline 120 s
/** PostgreSQL nodes by the agent: set up, copied, followed, promoted, restarted. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { nodeFolder } from '../../../services/local/postgres/node-folder.ts';
import { identityOf } from '../../../services/local/process/process-identity.ts';
import { RegionNodes } from '../../../services/local/postgres/region-nodes.ts';
import type { RegionContext } from '../../../services/local/region-context.ts';
import { formatLsn } from '../../../shared/core/lsn.ts';
import { parseNodeId, type NodeId } from '../../../shared/core/node.ts';
import { ownSessionOptions, withPg, type PgTarget } from '../../../shared/pg/client.ts';
import { childrenOf } from '../../fault/run/nemesis.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeLocalFiles, type LocalFiles } from '../../helpers/local-region.ts';
import { commitUnsent } from '../../helpers/losses/unsent-commit.ts';
import { yieldedRows } from '../../helpers/losses/yielded-rows.ts';

/** Kilobytes that a copy for the eastern region may take in a second. */
const ratePerSecond = 32_768;
const newSlot = `SELECT pg_create_logical_replication_slot('meridian_1', 'pgoutput')`;
const unsentRow = 'SELECT FROM city WHERE id = -2';
const namesOfWest = "ALTER SYSTEM SET synchronous_standby_names = 'meridian_west_1'";
/** How long a server may take to stop in order. */
const orderlyStopMs = 20_000;

let files: LocalFiles;
let west: RegionContext;
let east: RegionContext;
let westNodes: RegionNodes;
let eastNodes: RegionNodes;

before(async () => {
  files = await makeLocalFiles(['west', 'east']);
  west = await files.context('west');
  const made = await files.context('east');
  east = { ...made, cluster: { ...made.cluster, seed: { kilobytesPerSecondMax: ratePerSecond } } };
  westNodes = new RegionNodes(west);
  eastNodes = new RegionNodes(east);
});

after(async () => {
  await Promise.all([westNodes.shutDown(), eastNodes.shutDown()]);
  files.remove();
});

function id(text: string): NodeId {
  const node = parseNodeId(text);
  assert.ok(node !== null);
  return node;
}

function target(context: RegionContext, port: number, user: 'owner' | 'router' | 'app'): PgTarget {
  const names = { owner: 'meridian_owner', router: 'meridian_router', app: 'app' };
  return {
    ...{ host: context.region.bind, port, database: 'app', user: names[user] },
    ...{ password: context.secrets.shared.postgres[user], applicationName: 'test' },
    ...(user === 'owner' ? { options: ownSessionOptions } : {}),
  };
}

async function query(from: PgTarget, text: string): Promise<Record<string, string | null>[]> {
  return withPg(from, async (client) => {
    const { rows } = await client.query<Record<string, string | null>>(text);
    return rows;
  });
}

async function untilRunning(nodes: RegionNodes, node: NodeId, not?: number | null): Promise<void> {
  await eventually(() => {
    const { process, pid } = nodes.stateOf(node);
    return process === 'running' && pid !== not;
  });
}

/** Kills the western node; resolves when it runs again. */
async function killed(): Promise<NodeId> {
  const node = id('west/pg-1');
  const { pid } = westNodes.stateOf(node);
  assert.ok(pid !== null);
  process.kill(pid, 'SIGKILL');
  await untilRunning(westNodes, node, pid);
  return node;
}

test('a half-made folder is begun anew; the new node has every setting of the design', async () => {
  const node = id('west/pg-1');
  const { dataFolder } = nodeFolder(west.paths.postgresFolder, 'pg-1');
  mkdirSync(join(dataFolder, 'base'), { recursive: true });
  assert.equal(westNodes.stateOf(node).data, 'half-made');
  await assert.rejects(westNodes.start(node, 'normal', null), { code: 'RequestInvalid' });
  await westNodes.initialise(node);
  assert.equal(westNodes.stateOf(node).data, 'ready');
  assert.equal(westNodes.stateOf(node).process, 'stopped');
  await westNodes.start(node, 'normal', null);
  await untilRunning(westNodes, node);
  const settings = await query(
    target(west, 5432, 'owner'),
    `SELECT name, setting FROM pg_settings WHERE name IN ('wal_level', 'max_prepared_transactions',
     'restart_after_crash', 'synchronous_standby_names', 'unix_socket_directories',
     'password_encryption', 'data_checksums') ORDER BY name`,
  );
  assert.deepEqual(Object.fromEntries(settings.map(({ name, setting }) => [name, setting])), {
    data_checksums: 'on',
    max_prepared_transactions: '0',
    password_encryption: 'scram-sha-256',
    restart_after_crash: 'off',
    synchronous_standby_names: 'meridian_closed',
    unix_socket_directories: '',
    wal_level: 'logical',
  });
  const [mode] = await query(target(west, 5432, 'router'), 'SHOW synchronous_commit');
  assert.deepEqual(mode, { synchronous_commit: 'remote_write' });
  const own = await query(target(west, 5432, 'owner'), 'SHOW synchronous_commit');
  assert.deepEqual(own, [{ synchronous_commit: 'local' }]);
});

test('applications stay outside until this very start of the server is opened', async () => {
  const app = target(west, 5432, 'app');
  await assert.rejects(query(app, 'SELECT 1'), { code: '57P03' });
  await query(
    target(west, 5432, 'owner'),
    `UPDATE meridian_local.fence SET open_epoch = 1, opened_start = pg_postmaster_start_time(),
     opened_checkpointer =
       (SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer')`,
  );
  assert.equal((await query(app, 'SELECT 1')).length, 1);
  await assert.rejects(query({ ...app, database: 'postgres' }, 'SELECT 1'), { code: '28000' });
});

test('a server killed with SIGKILL comes back by itself, and closed', async () => {
  assert.equal(westNodes.stateOf(await killed()).restarts, 1);
  await assert.rejects(query(target(west, 5432, 'app'), 'SELECT 1'), { code: '57P03' });
});

test('trap 79: prepared transactions stay off, whatever ALTER SYSTEM says', async () => {
  const owner = target(west, 5432, 'owner');
  await query(owner, 'ALTER SYSTEM SET max_prepared_transactions = 10');
  await query(owner, 'ALTER SYSTEM SET restart_after_crash = on');
  await killed();
  const fixed = await query(
    owner,
    `SELECT current_setting('max_prepared_transactions') AS prepared,
     current_setting('restart_after_crash') AS restarts`,
  );
  assert.deepEqual(fixed, [{ prepared: '0', restarts: 'off' }]);
  await query(owner, 'ALTER SYSTEM RESET max_prepared_transactions');
  await query(owner, 'ALTER SYSTEM RESET restart_after_crash');
});

/** Commands that each add a column and write to it, in one transaction, until `work` is done. */
async function whileAltering(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  let columns = 0;
  while (!isDone) {
    columns += 1;
    await query(
      target(west, 5432, 'owner'),
      `BEGIN; ALTER TABLE city ADD COLUMN c${columns} int DEFAULT ${columns};
       UPDATE city SET c${columns} = -1 WHERE id = ${columns}; COMMIT`,
    );
  }
  await done;
  return columns;
}

test('trap 43: a region begins as a copy, with new local state, whatever DDL runs', async () => {
  await query(
    target(west, 5432, 'owner'),
    `CREATE TABLE city (id int PRIMARY KEY); INSERT INTO city SELECT generate_series(1, 20000);
     CREATE PUBLICATION meridian_1 FOR ALL TABLES;
     INSERT INTO meridian_local.progress (epoch, end_lsn, store) VALUES (1, '0/0', 'west-1')`,
  );
  await query(target(west, 5432, 'owner'), namesOfWest);
  const node = id('east/pg-1');
  const source = { host: west.region.host, port: 5432 };
  const seed = eastNodes.seedRegionNode(node, source);
  assert.equal(eastNodes.stateOf(node).operation, 'seed-region-node');
  assert.throws(() => eastNodes.stop(node), { code: 'OperationRunning' });
  const startedMs = performance.now();
  const altered = await whileAltering(seed);
  const sizeOfAll = 'SELECT sum(pg_database_size(oid)) AS sum FROM pg_database';
  const bytes = await query(target(west, 5432, 'owner'), sizeOfAll);
  const fastestMs = (1000 * Number(bytes[0]?.['sum'])) / 1024 / ratePerSecond;
  // The server sleeps after each part that came too early, the last one perhaps not.
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs > fastestMs / 2, `${tookMs.toFixed(0)} of ${fastestMs.toFixed(0)} ms`);
  const { recoveredTo, data, process: phase } = eastNodes.stateOf(node);
  assert.deepEqual([data, phase], ['ready', 'stopped']);
  assert.ok(recoveredTo !== null);
  await eastNodes.start(node, 'normal', null);
  await untilRunning(eastNodes, node);
  const [found] = await query(
    target(east, 5432, 'owner'),
    `SELECT (SELECT count(*) FROM city) AS cities, (SELECT count(*) FROM pg_publication) AS pubs,
     (SELECT store FROM meridian_local.progress) AS store, current_setting(
     'synchronous_standby_names') AS names, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS
     timeline, (SELECT open_epoch FROM meridian_local.fence) AS open,
     (SELECT redo_lsn FROM pg_control_checkpoint()) >= '${formatLsn(recoveredTo)}'::pg_lsn AS past`,
  );
  assert.deepEqual(found, {
    ...{ cities: '20000', pubs: '0', store: '', names: 'meridian_closed' },
    ...{ timeline: '00000002', open: null, past: 't' },
  });
  // The copy has whole transactions, the first ones, and all that were done before it ended.
  const [{ columns } = { columns: null }] = await query(
    target(east, 5432, 'owner'),
    `SELECT count(*) AS columns FROM pg_attribute WHERE attrelid = 'city'::regclass
     AND attname ~ '^c[0-9]+$'`,
  );
  const copied = Number(columns);
  assert.ok(copied >= 1 && copied <= altered, `${copied} of ${altered} columns`);
  const sums = Array.from({ length: copied }, (_, n) => `sum(c${n + 1})`).join(', ');
  const [row] = await query(
    target(east, 5432, 'owner'),
    `SELECT concat_ws(' ', ${sums}) AS sums FROM city`,
  );
  const wanted = Array.from({ length: copied }, (_, n) => 19_999 * (n + 1) - 1);
  assert.deepEqual(row, { sums: wanted.join(' ') });
});

test('a base backup of a silent source fails in words and harms nothing', async () => {
  const node = id('east/pg-2');
  const nowhere = { host: east.region.bind, port: 5999 };
  await assert.rejects(eastNodes.seedRegionNode(node, nowhere), { code: 'SeedFailed' });
  const { problem, data } = eastNodes.stateOf(node);
  assert.match(problem ?? '', /base backup of .*:5999 failed.*ECONNREFUSED/);
  assert.equal(data, 'half-made');
});

test('a standby follows and admits readers; promoted, it replaces a node that hangs', async () => {
  const [own, standby] = [id('west/pg-1'), id('west/pg-2')];
  await westNodes.seedStandby(standby, own);
  await assert.rejects(westNodes.start(standby, 'normal', null), { code: 'RequestInvalid' });
  await westNodes.start(standby, 'standby', own);
  await untilRunning(westNodes, standby);
  await query(target(west, 5432, 'owner'), 'INSERT INTO city VALUES (0)');
  const read = target(west, 5433, 'app');
  await eventually(async () => (await query(read, 'SELECT 1')).length === 1);
  await eventually(async () => {
    const [row] = await query(target(west, 5433, 'owner'), 'SELECT count(*) AS n FROM city');
    return row?.['n'] === '20001';
  });
  const { pid } = westNodes.stateOf(own);
  assert.ok(pid !== null);
  const server = [pid, ...childrenOf(pid)];
  await query(target(west, 5432, 'owner'), newSlot);
  await commitUnsent(target(west, 5432, 'owner'), 'INSERT INTO city VALUES (-2)');
  for (const one of server) process.kill(one, 'SIGSTOP');
  const startedMs = performance.now();
  await westNodes.promote(standby);
  assert.ok(performance.now() - startedMs < orderlyStopMs, 'it is not asked to stop in order');
  assert.equal(westNodes.stateOf(own).process, 'stopped');
  assert.ok(server.every((one) => identityOf(one) === null));
  assert.equal(westNodes.stateOf(standby).mode, 'normal');
  assert.deepEqual(await query(target(west, 5433, 'owner'), unsentRow), []);
  await query(target(west, 5433, 'owner'), 'INSERT INTO city VALUES (-1)');
  await assert.rejects(query(read, 'SELECT 1'), { code: '57P03' });
  await assert.rejects(westNodes.start(own, 'normal', null), { code: 'RequestInvalid' });
});

test('the old node starts isolated with what it alone held, which is kept aside', async () => {
  const [own, promoted] = [id('west/pg-1'), id('west/pg-2')];
  await westNodes.start(own, 'isolated', null);
  await untilRunning(westNodes, own);
  await assert.rejects(query(target(west, 5432, 'router'), 'SELECT 1'), { code: '28000' });
  assert.deepEqual(await yieldedRows(target(west, 5432, 'owner'), 1), ['insert city -2']);
  await westNodes.setAside(own);
  assert.equal(westNodes.stateOf(own).data, 'none');
  const kept = readdirSync(west.paths.postgresFolder).filter((name) => name.includes('.aside-'));
  assert.equal(kept.length, 1);
  await westNodes.seedStandby(own, promoted);
  await westNodes.start(own, 'standby', promoted);
  await untilRunning(westNodes, own);
});

test('a new agent lets nodes go on as they ran; a stale pid file holds nobody up', async () => {
  const [standby, own] = [id('west/pg-1'), id('west/pg-2')];
  await westNodes.shutDown();
  const { dataFolder } = nodeFolder(west.paths.postgresFolder, 'pg-2');
  // The number of a process that lives and is no PostgreSQL: this one's.
  writeFileSync(join(dataFolder, 'postmaster.pid'), `${String(process.pid)}\n${dataFolder}\n`);
  westNodes = new RegionNodes(west);
  await westNodes.resume();
  await untilRunning(westNodes, own);
  await untilRunning(westNodes, standby);
  const modes = westNodes.states().map(({ mode }) => mode);
  assert.deepEqual(modes, ['standby', 'normal']);
  assert.ok(existsSync(join(dataFolder, 'postmaster.pid')));
  assert.match(readFileSync(join(west.paths.logsFolder, 'pg-2.log'), 'utf8'), /ready to accept/);
});
