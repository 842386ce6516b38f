/** The controller's effects on a real PostgreSQL node: fence, sessions, slot, probe. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { initialControlState } from '../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { parseLsn, type Lsn } from '../../../shared/core/lsn.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import { connectPg, withPg, type PgClient } from '../../../shared/pg/client.ts';
import { readCheckpoint, writeCheckpoint } from '../../../services/failover/io/checkpoint-store.ts';
import * as fence from '../../../services/failover/io/fence-store.ts';
import { NodeConnection } from '../../../services/failover/io/node-connection.ts';
import { readDatabaseFacts } from '../../../services/failover/io/watch/node-facts.ts';
import { endProbes, probeCommit, proberName } from '../../../services/failover/io/probe-commit.ts';
import { createPublicationAndSlot } from '../../../services/failover/io/publication-and-slot.ts';
import {
  closedStandbyName,
  setSynchronousStandbyNames,
} from '../../../services/failover/io/sync-names.ts';
import type { DatabaseFacts } from '../../../services/failover/core/controller-input.ts';
import { eventually } from '../../helpers/eventually.ts';
import {
  startTestServer,
  testAddress,
  testPassword,
  type TestServer,
} from '../../helpers/postgres.ts';

const node = 'eu-west/pg-1' as NodeId;
const region = 'eu-west' as RegionId;
const incarnation = 'one';
let server: TestServer;
let connection: NodeConnection;

before(async () => {
  server = await startTestServer(testAddress(2));
  connection = new NodeConnection({ database: 'app', password: testPassword }, 'test-controller');
  await onNode((client) => fence.takeNode(client, { region, incarnation }));
});

after(async () => {
  connection.close();
  await server.stop();
});

test('a node comes up closed, and tells all about itself', async () => {
  const facts = await readFacts();
  assert.equal(facts.isInRecovery, false);
  assert.equal(facts.timeline, 1);
  assert.deepEqual(facts.fence.region, region);
  assert.equal(facts.fence.openEpoch, null);
  assert.equal(facts.synchronousStandbyNames, closedStandbyName);
  assert.equal(facts.applicationSessions, 0);
  await assert.rejects(connectPg(server.target('app')), /closed to applications/);
});

test('only this very start of the server is opened, by the newest incarnation', async () => {
  const { serverStart, checkpointerStart } = await readFacts();
  const right = { epoch: 1 as Epoch, timeline: 1, serverStart, checkpointerStart, incarnation };
  const wrong = [
    { ...right, serverStart: '2020-01-01 00:00:00+00' },
    { ...right, checkpointerStart: '2020-01-01 00:00:00+00' },
    { ...right, incarnation: 'an older one' },
  ];
  for (const opening of wrong) {
    await assert.rejects(
      onNode((client) => fence.openNode(client, opening)),
      (error) => isMeridianError(error, 'StaleEpoch'),
    );
  }
  await onNode((client) => fence.openNode(client, right));
  await withPg(server.target('app'), async (client) => {
    await client.query('SET synchronous_commit = local');
    await client.query('CREATE TABLE t (id int)');
  });
  const { fence: row, progress } = await readFacts();
  assert.equal(row.lastOpenedEpoch, 1);
  assert.deepEqual(progress?.position, { epoch: 1, endLsn: 0n });
});

test('a restarted server is closed again', async () => {
  await server.kill();
  await server.start();
  await assert.rejects(connectPg(server.target('app')), /closed to applications/);
  await open(1);
});

test('the publication is older than the slot; a slot without it is made anew', async () => {
  await onNode((client) => createPublicationAndSlot(client, 1 as Epoch));
  const facts = await readFacts();
  assert.deepEqual(facts.publications, ['meridian_1']);
  assert.deepEqual(facts.slots, [{ name: 'meridian_1', isActive: false, isSound: true }]);
  const [before] = await server.query('SELECT restart_lsn FROM pg_replication_slots');
  await server.query('DROP PUBLICATION meridian_1');
  await onNode((client) => createPublicationAndSlot(client, 1 as Epoch));
  const [after] = await server.query('SELECT restart_lsn FROM pg_replication_slots');
  assert.notEqual(before?.['restart_lsn'], after?.['restart_lsn']);
  await onNode((client) => createPublicationAndSlot(client, 2 as Epoch));
  const next = await readFacts();
  assert.deepEqual(next.publications, ['meridian_2']);
  assert.deepEqual(
    next.slots.map(({ name }) => name),
    ['meridian_2'],
  );
});

test('a slot that waits for a transaction names its process', { timeout: 20_000 }, async () => {
  const blocker = await connectPg(server.target('app'));
  await blocker.query('BEGIN; CREATE TABLE blocks (id int)');
  const { rows } = await blocker.query<{ pid: string }>('SELECT pg_backend_pid()::text AS pid');
  await assert.rejects(
    onNode((client) => createPublicationAndSlot(client, 3 as Epoch)),
    new RegExp(`process ${rows[0]?.pid} of app`),
  );
  await blocker.query('ROLLBACK');
  await blocker.end();
  await onNode((client) => createPublicationAndSlot(client, 3 as Epoch));
});

test(
  'a probe that nobody releases fails, and does not wait for ever',
  { timeout: 20_000 },
  async () => {
    const prober = new NodeConnection({ database: 'app', password: testPassword }, proberName);
    const probe = (): Promise<void> =>
      prober.run(place(), 1500, (one) => onNode((two) => probeCommit(one, two)));
    await assert.rejects(probe(), /did not answer within/);
    connection.close();
    await onNode(endProbes);
    await eventually(async () => (await waiting()) === 0);
    // Without a name nothing waits: as it is while the checkpointer has not read the new value.
    await server.query(`ALTER SYSTEM SET synchronous_standby_names = ''`);
    await server.query('SELECT pg_reload_conf()');
    await assert.rejects(probe(), /did not answer within/);
    connection.close();
    prober.close();
    await onNode((client) => setSynchronousStandbyNames(client, 'meridian_eu_west_3'));
    assert.equal((await readFacts()).synchronousStandbyNames, 'meridian_eu_west_3');
  },
);

test('a probe that waits and is released is proof', { timeout: 20_000 }, async () => {
  await onNode((client) => setSynchronousStandbyNames(client, 'meridian_eu_west_4'));
  const prober = new NodeConnection({ database: 'app', password: testPassword }, proberName);
  const proven = prober.run(place(), 5000, (one) => onNode((two) => probeCommit(one, two)));
  await eventually(async () => (await waiting()) > 0);
  await server.query(`ALTER SYSTEM SET synchronous_standby_names = ''`);
  await server.query('SELECT pg_reload_conf()');
  await proven;
  prober.close();
});

test('a seal ends sessions and covers every commit before it', async () => {
  await onNode((client) => setSynchronousStandbyNames(client, closedStandbyName));
  await open(4);
  const idle = await lost(connectPg(server.target('app')));
  const waiter = await lost(connectPg(server.target('app')));
  const [before] = await server.query('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  const commit = waiter.client
    .query('SET synchronous_commit = on')
    .then(() => waiter.client.query('INSERT INTO t VALUES (1)'));
  const unanswered = assert.rejects(commit);
  await eventually(async () => (await waiting()) === 1);
  const walEnd = await onNode((client) => fence.sealNode(client, 5 as Epoch));
  await unanswered;
  await Promise.all([idle.isLost, waiter.isLost]);
  assert.ok(walEnd > (parseLsn(before?.['lsn'] ?? '') ?? 0n));
  const { fence: row, applicationSessions } = await readFacts();
  assert.deepEqual([row.sealedEpoch, row.openEpoch, applicationSessions], [5, null, 0]);
  await assert.rejects(connectPg(server.target('app')), /closed to applications/);
});

test('a sealed node opens for no older epoch', async () => {
  await assert.rejects(open(4), (error) => isMeridianError(error, 'StaleEpoch'));
  await open(5);
});

test('closing ends commits that wait, none as a success', async () => {
  await onNode((client) => setSynchronousStandbyNames(client, 'meridian_eu_west_5'));
  const waiters = await Promise.all(
    Array.from({ length: 10 }, () => connectPg(server.target('app'))),
  );
  const outcomes = waiters.map(async (client) => {
    client.on('error', () => undefined);
    await client.query('SET synchronous_commit = on');
    return client.query('INSERT INTO t VALUES (2)').then(
      () => 'confirmed',
      () => 'unknown',
    );
  });
  await eventually(async () => (await waiting()) === 10);
  await onNode(async (client) => {
    await fence.closeNode(client);
    await setSynchronousStandbyNames(client, closedStandbyName);
  });
  assert.deepEqual([...new Set(await Promise.all(outcomes))], ['unknown']);
  assert.equal((await readFacts()).applicationSessions, 0);
});

test('an old primary without a tail becomes a follower that publishes nothing', async () => {
  const position = { epoch: 5 as Epoch, endLsn: 4711n as Lsn };
  await server.query('CREATE PUBLICATION meridian_4 FOR ALL TABLES');
  await onNode((client) => fence.setProgress(client, position));
  const left = await server.query(
    `SELECT pubname FROM pg_publication UNION ALL SELECT slot_name FROM pg_replication_slots`,
  );
  assert.deepEqual(left, []);
  const { fence: row, progress } = await readFacts();
  assert.equal(row.lastOpenedEpoch, 0);
  assert.deepEqual(progress?.position, position);
});

test('a checkpoint never goes back', async () => {
  const at = (offset: bigint) => ({ nextOffset: offset as LogOffset, state: initialControlState });
  await onNode((client) => writeCheckpoint(client, at(7n), 'log-1'));
  await onNode((client) => writeCheckpoint(client, at(5n), 'log-1'));
  assert.deepEqual((await onNode(readCheckpoint))?.checkpoint, at(7n));
  await onNode((client) => writeCheckpoint(client, at(8n), null));
  assert.equal((await onNode(readCheckpoint))?.logId, 'log-1', 'which log it is stays known');
});

test('a checkpoint of a newer version is refused, and stays as it is', async () => {
  const newer = `UPDATE meridian_local.checkpoint SET state = state || '{"v": 2}' RETURNING state`;
  const [before] = await server.query(newer);
  await assert.rejects(onNode(readCheckpoint), (error) => {
    assert.ok(isMeridianError(error, 'ProtocolViolation'));
    return /version 2 is not known here/.test(error.message);
  });
  const [after] = await server.query('SELECT state FROM meridian_local.checkpoint');
  assert.deepEqual(after, before);
});

test('a base backup is made the own of its region', async () => {
  await open(6);
  const recoveredTo = parseLsn('0/9000000') as Lsn;
  const seed = { region: 'us-east' as RegionId, recoveredTo };
  await onNode((client) => fence.adoptSeed(client, seed));
  const { fence: row, progress, slots, publications } = await readFacts();
  assert.deepEqual([row.region, row.sealedEpoch, row.lastOpenedEpoch], ['us-east', 0, 0]);
  assert.deepEqual(progress, { position: { epoch: 6, endLsn: recoveredTo }, store: '' });
  assert.deepEqual([slots, publications], [[], []]);
  assert.equal(await onNode(readCheckpoint), null);
});

function place(): { host: string; port: number } {
  return { host: server.address, port: server.port };
}

function onNode<T>(work: (client: PgClient) => Promise<T>): Promise<T> {
  return connection.run(place(), 5000, work);
}

function readFacts(): Promise<DatabaseFacts> {
  return onNode((client) => readDatabaseFacts(client, node));
}

async function open(epoch: number): Promise<void> {
  const { serverStart, checkpointerStart } = await readFacts();
  const opening = {
    epoch: epoch as Epoch,
    timeline: 1,
    serverStart,
    checkpointerStart,
    incarnation,
  };
  await onNode((client) => fence.openNode(client, opening));
}

async function waiting(): Promise<number> {
  const [row] = await server.query(
    `SELECT count(*)::text AS n FROM pg_stat_activity WHERE wait_event = 'SyncRep'`,
  );
  return Number(row?.['n']);
}

async function lost(
  connecting: Promise<PgClient>,
): Promise<{ client: PgClient; isLost: Promise<unknown> }> {
  const client = await connecting;
  client.on('error', () => undefined);
  return { client, isLost: new Promise((resolve) => client.once('end', resolve)) };
}
