/** A diverged tail from a real log to a real table: what is listed, once, and what cannot be. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import {
  listTail,
  type ListTail,
} from '../../../services/failover/io/divergence/divergence-report.ts';
import {
  discardRows,
  listDivergences,
  readRows,
} from '../../../services/failover/io/divergence/diverged-store.ts';
import {
  listNodeTail,
  onOldNode,
  type ListNodeTail,
} from '../../../services/failover/io/divergence/node-tail.ts';
import type { LoggedTransaction } from '../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { parseLsn, type Lsn } from '../../../shared/core/lsn.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import { dataTopicShape, ensureTopic } from '../../../shared/kafka/admin.ts';
import { createDataLog, type DataLogConnection } from '../../../shared/kafka/data-log.ts';
import { dataTopicOf } from '../../../shared/kafka/topic.ts';
import { withPg, type PgClient } from '../../../shared/pg/client.ts';
import { packRecord } from '../../../shared/runtime/record-packing.ts';
import { systemClock } from '../../../shared/runtime/system-clock.ts';
import { startTestKafka, type TestKafka } from '../../helpers/kafka.ts';
import {
  openToApplications,
  startTestServer,
  testAddress,
  type TestServer,
} from '../../helpers/postgres.ts';
import {
  insertMessage,
  relationMessage,
  updateMessage,
} from '../../helpers/replication/pgoutput.ts';

const region = 'eu-west' as RegionId;
const id = { region, node: null, epoch: 2 };
const signal = new AbortController().signal;
const epoch = 1 as Epoch;
const entry = relationMessage(7, { schema: 'public', name: 'entry' }, [
  { name: 'id', isKey: true },
  { name: 'body' },
]);
const key = relationMessage(8, { schema: 'meridian', name: 'idempotency' }, [
  { name: 'key', isKey: true },
  { name: 'caller' },
]);
let kafka: TestKafka;
let log: DataLogConnection;
let server: TestServer;

before(async () => {
  const starting = startTestKafka(1);
  server = await startTestServer(testAddress(2));
  await openToApplications(server);
  await server.query('CREATE TABLE entry (id int PRIMARY KEY, body text)');
  await server.query(`INSERT INTO entry VALUES (1, 'as it was')`);
  kafka = await starting;
  const target = {
    brokers: kafka.addresses,
    clientId: 'meridian-test',
    topic: dataTopicOf('main', region),
    logger: pino({ level: 'silent' }),
    clock: systemClock,
  };
  log = createDataLog(target);
  await ensureTopic(target, dataTopicShape(1));
  const changed = transaction(0x20n, 0x10n, [
    ...[entry, updateMessage(7, null, ['1', 'changed']), updateMessage(7, null, ['1', 'twice'])],
    ...[key, insertMessage(8, ['k-1', 'ann'])],
  ]);
  const large = { kind: 'chunk', epoch, origin: region, xid: 9, commitTimeUs: 0n } as const;
  const whole = { ...large, prevEndLsn: 0x20n as Lsn };
  const unfinished = { ...large, xid: 10, prevEndLsn: 0x40n as Lsn };
  const rowsOf = (...ids: string[]): Uint8Array[] => [
    entry,
    ...ids.map((one) => insertMessage(7, [one, 'large'])),
  ];
  await log.append(
    [
      packed([transaction(0x10n, 0n, [entry, insertMessage(7, ['1', 'as it was'])])]),
      packed([changed]),
      packed([changed]),
      packRecord({ ...whole, part: 0, isLast: false, endLsn: null, messages: rowsOf('2', '3') }),
      packRecord({ ...whole, part: 1, isLast: true, endLsn: 0x40n as Lsn, messages: rowsOf('4') }),
      packRecord({ ...unfinished, part: 0, isLast: false, endLsn: null, messages: rowsOf('5') }),
    ],
    signal,
  );
});

after(async () => {
  log.close();
  await Promise.all([kafka.stop(), server.stop()]);
});

test('what lies beyond the cut is listed, in order, with the rows before and after', async () => {
  const result = await list({});
  const expected = { kind: 'tailListed', transactions: 2, rows: 5, isListed: true };
  assert.deepEqual(result, expected);
  const rows = await withPg(server.target(), (client) => readRows(client, id, page));
  assert.deepEqual(
    rows.map((row) => [row['position'], row['command'], row['before'], row['beforeFrom']]),
    [
      ['1:0/20', 'update', { id: '1', body: 'as it was' }, 'primary'],
      ['1:0/20', 'update', { id: '1', body: 'changed' }, 'tail'],
      ['1:0/40', 'insert', null, null],
      ['1:0/40', 'insert', null, null],
      ['1:0/40', 'insert', null, null],
    ],
  );
  assert.deepEqual(
    rows.map((row) => [row['idempotencyKey'], row['confirmed']]),
    [['k-1', 'yes'], ['k-1', 'yes'], ...[2, 3, 4].map(() => [null, 'unknown'])],
  );
  assert.deepEqual(rows.at(-1)?.['after'], { id: '4', body: 'large' });
});

test('listing it again adds nothing', async () => {
  await list({});
  const [kept] = await withPg(server.target(), listDivergences);
  assert.deepEqual(
    [kept?.transactions, kept?.rows, kept?.confirmed, kept?.maybeConfirmed, kept?.isListed],
    [2, 5, 2, 3, true],
  );
});

test('a log that does not reach the end of the data is not all of it', async () => {
  const upTo = { epoch, endLsn: 0x50n as Lsn };
  const result = await list({ epoch: 3 as Epoch, upTo, why: 'its log is too short' });
  assert.deepEqual([result.kind, 'isListed' in result && result.isListed], ['tailListed', false]);
  const nothing = await list({
    epoch: 4 as Epoch,
    after: null,
    upTo: null,
    why: 'its log is lost',
  });
  assert.deepEqual(nothing, { kind: 'tailListed', transactions: 0, rows: 0, isListed: false });
  const kept = await withPg(server.target(), listDivergences);
  assert.deepEqual(kept.map((one) => [one.epoch, one.rows, one.isListed, one.why]).toSorted(), [
    [2, 5, true, null],
    [3, 5, false, 'its log is too short'],
    [4, 0, false, 'its log is lost'],
  ]);
});

/** Slot and publication of epoch 9 on the node; where it stands. */
async function startEpochNine(): Promise<Lsn> {
  await server.query('CREATE PUBLICATION meridian_9 FOR ALL TABLES');
  await server.query(`SELECT pg_create_logical_replication_slot('meridian_9', 'pgoutput')`);
  await server.query(`INSERT INTO entry VALUES (100, 'everybody has it')`);
  return walEnd();
}

async function walEnd(): Promise<Lsn> {
  const [row] = await server.query('SELECT pg_current_wal_flush_lsn()::text AS lsn');
  return parseLsn(row?.['lsn'] ?? '') ?? assert.fail();
}

test('what only an old node holds is read from its slot, whole and once', async () => {
  const after = { epoch: 9 as Epoch, endLsn: await startEpochNine() };
  await server.query(`UPDATE entry SET body = 'here alone' WHERE id = 100`);
  await server.query(`INSERT INTO entry SELECT n, 'many' FROM generate_series(201, 1400) n`);
  await server.query('UPDATE meridian_local.progress SET updated_at = now()');
  await server.query(
    `SELECT pg_replication_origin_create('meridian') WHERE NOT EXISTS
       (SELECT FROM pg_replication_origin WHERE roname = 'meridian');
     SELECT pg_replication_origin_session_setup('meridian');
     BEGIN; INSERT INTO entry VALUES (101, 'applied'); COMMIT;
     SELECT pg_replication_origin_session_reset()`,
  );
  const listed = await listNode({ after });
  assert.deepEqual([listed.transactions, listed.rows, listed.isListed], [2, 1201, true]);
  // The list itself is in this node's WAL too, which it never is in an old node's.
  assert.equal((await listNode({ after })).rows, 1201);
  const nodeId = { region, node, epoch: 10 };
  const rows = await withPg(server.target(), (client) => readRows(client, nodeId, page));
  assert.deepEqual(
    rows.slice(0, 2).map((row) => [row['command'], row['after'], row['confirmed'], row['node']]),
    [
      ['update', { id: '100', body: 'here alone' }, 'async-only', node],
      ['insert', { id: '201', body: 'many' }, 'async-only', node],
    ],
  );
  assert.equal(await withPg(server.target(), (client) => discardRows(client, nodeId)), 1201);
});

test('a slot that is gone, or went on past what is known, does not yield a tail', async () => {
  const before = { epoch: 9 as Epoch, endLsn: 0x10n as Lsn };
  const past = await listNode({ after: before, epoch: 11 as Epoch });
  assert.deepEqual([past.rows, past.isListed], [0, false]);
  await server.query(`SELECT pg_drop_replication_slot('meridian_9')`);
  const gone = await listNode({
    after: { epoch: 9 as Epoch, endLsn: await walEnd() },
    epoch: 12 as Epoch,
  });
  assert.deepEqual([gone.rows, gone.isListed], [0, false]);
  const down = await listNode({ own: null, after: null, epoch: 13 as Epoch });
  assert.deepEqual([down.rows, down.isListed], [0, false]);
  const kept = await withPg(server.target(), listDivergences);
  const whyOf = (ending: number): string =>
    kept.find((one) => one.node === node && one.epoch === ending)?.why ?? '';
  assert.match(whyOf(11), /meridian_9 has gone on to/);
  assert.match(whyOf(12), /no slot meridian_9/);
  assert.match(whyOf(13), /it does not come up/);
});

test('what the log of the region has beyond the cut comes first', async () => {
  const after = { epoch, endLsn: 0x10n as Lsn };
  const { transactions, rows, isListed } = await listNode({
    own: epoch,
    after,
    hasLog: true,
    epoch: 14 as Epoch,
  });
  assert.deepEqual([transactions, rows, isListed], [2, 5, false]);
  const byRegion = await list({ epoch: 14 as Epoch, after: null });
  assert.deepEqual([byRegion.kind === 'tailListed' && byRegion.rows], [5]);
});

test('nothing is listed at a node that is closed', async () => {
  await server.query('UPDATE meridian_local.fence SET open_epoch = NULL');
  await assert.rejects(list({ epoch: 5 as Epoch }), (error) =>
    isMeridianError(error, 'StaleEpoch'),
  );
});

test('what is discarded is gone, the rest stays', async () => {
  assert.equal(await withPg(server.target(), (client) => discardRows(client, id)), 5);
  const kept = await withPg(server.target(), listDivergences);
  const ofRegion = kept.flatMap((one) => (one.node === null ? [one.epoch] : []));
  assert.deepEqual(ofRegion.toSorted(), [14, 3, 4].toSorted());
});

const node = 'eu-west/pg-1' as NodeId;

async function listNode(changes: Partial<ListNodeTail>) {
  const effect: ListNodeTail = {
    ...{ kind: 'listNodeTail', node, own: 9 as Epoch, epoch: 10 as Epoch, after: null },
    ...{ mayBeConfirmed: false, hasLog: false, listsLog: true, why: 'it does not come up' },
    target: { region, node },
    ...changes,
  };
  const { host, port, database, password } = server.target();
  const onNode = <T>(work: (client: PgClient) => Promise<T>): Promise<T> =>
    onOldNode({ host, port, database, password }, 20_000, work);
  const onTarget = <T>(work: (client: PgClient) => Promise<T>): Promise<T> =>
    withPg(server.target(), work);
  const result = await listNodeTail({ region, log, onTarget, signal, onNode }, effect);
  assert.ok(result.kind === 'nodeTailListed');
  return result;
}

const page = { after: 0, limit: 100 };

function list(changes: Partial<ListTail>): ReturnType<typeof listTail> {
  const effect: ListTail = {
    kind: 'listTail',
    node: 'eu-west/pg-1' as NodeId,
    epoch: 2 as Epoch,
    after: { epoch, endLsn: 0x10n as Lsn },
    upTo: { epoch, endLsn: 0x40n as Lsn },
    mayBeConfirmed: true,
    confirmedUpTo: { epoch, endLsn: 0x20n as Lsn },
    why: 'it committed beyond the cut',
    target: { region: 'us-east' as RegionId, node: 'us-east/pg-1' as NodeId },
    ...changes,
  };
  const onTarget: Parameters<typeof listTail>[0]['onTarget'] = (work) =>
    withPg(server.target(), work);
  return listTail({ region, log, onTarget, signal }, effect);
}

function transaction(
  endLsn: bigint,
  prevEndLsn: bigint,
  messages: readonly Uint8Array[],
): LoggedTransaction {
  const place = { endLsn: endLsn as Lsn, prevEndLsn: prevEndLsn as Lsn };
  return { xid: Number(endLsn), commitTimeUs: 0n, ...place, messages };
}

function packed(transactions: readonly LoggedTransaction[]): Uint8Array {
  return packRecord({ kind: 'transactions', epoch, origin: region, transactions });
}
