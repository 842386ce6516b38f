/**
 * What the primary's slot goes through: other settings of its server, a reader that is frozen or
 * doubled, a region whose own WAL is far ahead, members that are all away, and its loss.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openSlot } from '../../../services/replicator/io/slot-reader.ts';
import { writeCheckpoint } from '../../../services/failover/io/checkpoint-store.ts';
import { readDatabaseFacts } from '../../../services/failover/io/watch/node-facts.ts';
import { initialControlState } from '../../../shared/core/control/control-state.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { zeroLsn } from '../../../shared/core/lsn.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import { connectPg, withPg, type PgClient } from '../../../shared/pg/client.ts';
import { eventually } from '../../helpers/eventually.ts';
import { startHandCluster, type HandCluster } from '../../helpers/replication/hand-cluster.ts';

let cluster: HandCluster;
/** Sessions of the application on the primary: semi-sync, and one that waits for nobody. */
let [waiting, local]: PgClient[] = [];

before(async () => {
  cluster = await startHandCluster(2, {}, { wal_sender_timeout: '3s' });
  const { server } = cluster.primary;
  await server.query('ALTER DATABASE app SET synchronous_commit = remote_write');
  waiting = await connectPg(server.target('app'));
  local = await connectPg(server.target('app'));
  await local.query('SET synchronous_commit = local');
  await local.query('CREATE TABLE work (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, v text)');
});

after(async () => {
  for (const client of [waiting, local]) await client?.end().catch(() => undefined);
  await cluster.stop();
});

const insert = `INSERT INTO work (v) VALUES ('v')`;
const walOf = (megabytes: number, isTransactional: boolean): string =>
  `SELECT count(pg_logical_emit_message(${isTransactional}, 'x', repeat('y', 1000000)))
   FROM generate_series(1, ${megabytes})`;

/** Processes that send to the replicator, by the name that commits wait for. */
async function readers(): Promise<string[]> {
  const rows = await cluster.primary.server.query(
    `SELECT pid::text FROM pg_stat_replication WHERE application_name = 'meridian_eu_west_1'
       AND state = 'streaming'`,
  );
  return rows.map(({ pid }) => pid ?? '');
}

async function oneReader(except = ''): Promise<string> {
  return eventually(async () => {
    const [pid, ...others] = await readers();
    return others.length === 0 && pid !== undefined && pid !== except ? pid : null;
  });
}

/** A semi-sync commit under way; `isOver` tells whether it was released. */
function commit(): { readonly done: Promise<void>; readonly isOver: () => boolean } {
  let isOver = false;
  const done = (waiting?.query(insert) ?? Promise.reject(new Error('no session'))).then(() => {
    isOver = true;
  });
  done.catch(() => undefined);
  return { done, isOver: () => isOver };
}

async function waitsForMembers(): Promise<number> {
  const rows = await cluster.primary.server.query(
    `SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`,
  );
  return rows.length;
}

test('trap 11: positions of the other region never reach the slot', async () => {
  const { primary, replicas } = cluster;
  const replica = replicas[0]?.server;
  const end = 'SELECT pg_current_wal_lsn() AS lsn';
  for (let n = 0; n < 4; n += 1) {
    await replica?.query(walOf(1, false));
    await replica?.query('SELECT pg_switch_wal()');
  }
  const [there] = (await replica?.query(end)) ?? [];
  const wrong = `
    SELECT 'slot ' || confirmed_flush_lsn AS what FROM pg_replication_slots
    WHERE confirmed_flush_lsn > pg_current_wal_lsn()
    UNION ALL
    SELECT 'status' FROM pg_stat_replication
    WHERE greatest(write_lsn, flush_lsn, replay_lsn) > pg_current_wal_lsn()
    UNION ALL
    SELECT 'the other region is not ahead' WHERE pg_current_wal_lsn() > '${there?.['lsn'] ?? ''}'`;
  for (let n = 0; n < 40; n += 1) {
    await waiting?.query(insert);
    if (n % 10 === 0) assert.deepEqual(await primary.server.query(wrong), []);
  }
});

for (const timeout of ['1s', '0', '60s']) {
  test(`trap 12: decoding what nobody gets, wal_sender_timeout ${timeout}`, async () => {
    const { server } = cluster.primary;
    await server.query(`ALTER SYSTEM SET wal_sender_timeout = '${timeout}'`);
    await server.query('SELECT pg_reload_conf()');
    const before = await oneReader();
    await server.query(`SELECT pg_terminate_backend(${before})`);
    const reader = await oneReader(before);
    await server.query(walOf(40, true));
    await server.query(
      `BEGIN; INSERT INTO work (v) SELECT 'gone' FROM generate_series(1, 100000); ROLLBACK`,
    );
    await server.query(walOf(40, false));
    await commit().done;
    assert.deepEqual(await readers(), [reader]);
  });
}

test('trap 83: with no member up an own session waits for nobody', async () => {
  const { primary, replicas } = cluster;
  await replicas[0]?.kill();
  const held = commit();
  await eventually(async () => (await waitsForMembers()) === 1);
  await primary.kill();
  await primary.start();
  await oneReader();
  await local?.query(`CREATE SEQUENCE counted; SELECT nextval('counted')`);
  await primary.server.query('CREATE ROLE somebody');
  const captured = `SELECT 1 FROM meridian.sequence_value v, meridian.global_state g
    WHERE v.sequence_name = 'counted' AND g.name = 'somebody'`;
  await eventually(async () => (await primary.server.query(captured)).length === 1);
  await withPg(primary.server.target(), (client) =>
    writeCheckpoint(client, { nextOffset: 5n as LogOffset, state: initialControlState }, null),
  );
  assert.equal(held.isOver(), false);
  assert.equal(await waitsForMembers(), 1);
  await replicas[0]?.start();
  await held.done;
});

async function secondReader(): Promise<{ close(): void }> {
  let [isHeard, hear]: [Promise<void>, () => void] = [Promise.resolve(), () => undefined];
  isHeard = new Promise((resolve) => {
    hear = resolve;
  });
  const reader = await openSlot(
    {
      pg: cluster.primary.server.target('meridian_replicator'),
      ...{ walsenderName: 'meridian_eu_west_1', slot: 'meridian_1', publication: 'meridian_1' },
      startLsn: zeroLsn,
      positions: { write: zeroLsn, flush: zeroLsn, apply: zeroLsn },
    },
    { onData: () => hear(), onKeepalive: () => hear() },
  );
  try {
    await Promise.race([isHeard, reader.ended]);
  } catch (error) {
    reader.close();
    throw error;
  }
  return reader;
}

test('traps 13, 65: a frozen reader is replaced in time, and there are never two', async () => {
  const { primary } = cluster;
  await primary.server.query(`ALTER SYSTEM SET wal_sender_timeout = '3s'`);
  await primary.server.query('SELECT pg_reload_conf()');
  const frozen = await oneReader();
  await assert.rejects(secondReader(), /is active for PID/);
  primary.freeze();
  const held = commit();
  const startedMs = performance.now();
  const second = await eventually(() => secondReader().catch(() => null), { deadlineMs: 20_000 });
  assert.ok(performance.now() - startedMs < 10_000, 'it took over too late');
  try {
    // Until it has caught up with what the frozen one left, it does not count as streaming.
    const taken = await oneReader(frozen);
    primary.thaw();
    for (let n = 0; n < 20; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(await readers(), [taken]);
    }
    assert.equal(held.isOver(), false, 'a reader that confirms nothing has released a commit');
  } finally {
    primary.thaw();
    second.close();
  }
  await held.done;
});

test('traps 7, 8: a slot that stands still is given up before its age is a danger', async () => {
  const { primary } = cluster;
  const { server } = primary;
  await primary.kill();
  const lsn = `SELECT pg_current_wal_insert_lsn() - '0/0' AS bytes`;
  const [from] = await server.query(lsn);
  await local?.query(
    'DO $$ BEGIN FOR i IN 1..5000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$',
  );
  const [to] = await server.query(lsn);
  const bytes = (Number(to?.['bytes']) - Number(from?.['bytes'])) / 5000;
  const [limits] = await server.query(
    `SELECT pg_size_bytes(current_setting('max_slot_wal_keep_size')) AS cap,
       current_setting('autovacuum_freeze_max_age') AS age`,
  );
  assert.ok(Number(limits?.['cap']) / bytes < Number(limits?.['age']), `${bytes} bytes an xid`);
  await server.query(`ALTER SYSTEM SET max_slot_wal_keep_size = '16MB'`);
  await server.query('SELECT pg_reload_conf()');
  for (let n = 0; n < 10; n += 1) await local?.query(`CREATE TABLE t${n} (); DROP TABLE t${n}`);
  for (let n = 0; n < 7; n += 1) await server.query(`${walOf(1, false)}; SELECT pg_switch_wal()`);
  await server.query('CHECKPOINT');
  const facts = await withPg(server.target(), (client) =>
    readDatabaseFacts(client, 'eu-west/pg-1' as NodeId),
  );
  assert.deepEqual(facts.slots, [{ name: 'meridian_1', isActive: false, isSound: false }]);
  assert.equal(await deadRowsKept(), 0);
  await primary.start();
  await eventually(() => /slot "meridian_1"/.test(primary.report()?.why ?? ''));
  const held = commit();
  await eventually(async () => (await waitsForMembers()) === 1);
  assert.equal(held.isOver(), false);
});

/** Dead rows of pg_class that VACUUM has to keep because somebody may still need them. */
async function deadRowsKept(): Promise<number> {
  const client = await connectPg(cluster.primary.server.target());
  let told = '';
  client.on('notice', ({ message }) => (told += message ?? ''));
  await client.query('VACUUM (VERBOSE) pg_catalog.pg_class');
  await client.end();
  return Number(/(\d+) are dead but not yet removable/.exec(told)?.[1]);
}
