/**
 * Any history of transactions, decoded in sessions that end anywhere and begin again from before
 * the log's end, with records sent twice: a reader of the log finds each carried transaction once,
 * in order, whole, chained, and each record readable alone.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkChain, placeAt } from '../../../../../services/replicator/core/chain-check.ts';
import {
  initialAssembler,
  stepAssembler,
} from '../../../../../services/replicator/core/transaction-assembler.ts';
import { endPositionOf, type CommitRecord } from '../../../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import { zeroLsn, type Lsn } from '../../../../../shared/core/lsn.ts';
import { localSchema, ownOrigin } from '../../../../../shared/core/pgoutput/pgoutput-message.ts';
import { isAtOrPast } from '../../../../../shared/core/position.ts';
import { eu } from '../../../../helpers/control-records.ts';
import {
  beginMessage,
  commitMessage,
  insertMessage,
  originMessage,
  relationMessage,
} from '../../../../helpers/replication/pgoutput.ts';

const epoch = 1 as Epoch;
const chunkBytesMax = 400;
const localTable = 9;
const insertTag = 73;
const relationTag = 82;

interface Row {
  readonly table: number;
  readonly size: number;
  /** The table was altered before this row: its relation message is sent anew. */
  readonly isAltered: boolean;
}

interface Transaction {
  readonly rows: readonly Row[];
  /** Written by the applier. */
  readonly isOwn: boolean;
}

interface Session {
  /** Messages that it takes before it ends, and how many come at a time. */
  readonly messages: number;
  readonly atOnce: number;
  /** How many transactions before the log's end it begins. */
  readonly back: number;
  /** How many of the log's last records were sent again before. */
  readonly resent: number;
}

const history = fc.array(
  fc.record<Transaction>({
    rows: fc.array(
      fc.record<Row>({
        table: fc.constantFrom(1, 2, 3, localTable),
        size: fc.integer({ min: 1, max: 150 }),
        isAltered: fc.boolean(),
      }),
      { maxLength: 8 },
    ),
    isOwn: fc.constantFrom(false, false, false, true),
  }),
  { minLength: 1, maxLength: 12 },
);

const sessions = fc.array(
  fc.record<Session>({
    messages: fc.integer({ min: 1, max: 40 }),
    atOnce: fc.integer({ min: 1, max: 40 }),
    back: fc.nat(3),
    resent: fc.nat(3),
  }),
  { maxLength: 5 },
);

interface Source {
  readonly commitLsn: bigint;
  readonly endLsn: Lsn;
  readonly rows: readonly { readonly table: number; readonly version: number; text: string }[];
  readonly isOwn: boolean;
}

/** What PostgreSQL holds: versions of tables count their alterations. */
function sourceOf(transactions: readonly Transaction[]): Source[] {
  const versions = new Map<number, number>();
  return transactions.map(({ rows, isOwn }, index) => {
    const commitLsn = BigInt(index + 1) * 100n;
    const sent = rows.map(({ table, size, isAltered }, place) => {
      if (isAltered) versions.set(table, (versions.get(table) ?? 0) + 1);
      const text = `${index}.${place}.`.padEnd(size, 'x');
      return { table, version: versions.get(table) ?? 0, text };
    });
    return { commitLsn, endLsn: (commitLsn + 8n) as Lsn, rows: sent, isOwn };
  });
}

function relationOf(table: number, version: number): Uint8Array {
  const schema = table === localTable ? localSchema : 'public';
  const columns = [{ name: 'id', isKey: true }, { name: `v${version}` }];
  return relationMessage(table, { schema, name: `t${table}` }, columns);
}

/** The messages of one decoding session: a relation is announced before its first row. */
function messagesOf(transactions: readonly Source[]): Uint8Array[] {
  const announced = new Map<number, number>();
  return transactions.flatMap(({ commitLsn, endLsn, rows, isOwn }) => {
    const changes = rows.flatMap(({ table, version, text }) => {
      const row = insertMessage(table, [text]);
      if (announced.get(table) === version) return [row];
      announced.set(table, version);
      return [relationOf(table, version), row];
    });
    const origin = isOwn ? [originMessage(ownOrigin)] : [];
    const begin = beginMessage(commitLsn, Number(commitLsn));
    return [begin, ...origin, ...changes, commitMessage(commitLsn, endLsn)];
  });
}

/** Decodes into `log` what the session brings; it begins before the log's end. */
function decode(log: CommitRecord[], source: readonly Source[], session: Session): void {
  const end = logEnd(log);
  const first = source.findIndex(({ endLsn }) => endLsn > end);
  const from = Math.max(0, (first < 0 ? source.length : first) - session.back);
  const messages = messagesOf(source.slice(from)).slice(0, session.messages);
  let state = initialAssembler({ epoch, origin: eu, chunkBytesMax, lastEndLsn: end });
  for (let at = 0; at < messages.length; at += session.atOnce) {
    const some = messages.slice(at, at + session.atOnce);
    const step = stepAssembler(state, { kind: 'messagesRead', messages: some });
    assert.equal(step.malformed, null);
    state = step.state;
    for (const record of step.records) {
      const ended = endPositionOf(record);
      assert.ok(ended === null || ended.endLsn > end, 'the log holds it already');
    }
    log.push(...step.records);
  }
}

function logEnd(log: readonly CommitRecord[]): Lsn {
  return log.reduce<Lsn>((end, record) => {
    const { endLsn } = endPositionOf(record) ?? { endLsn: zeroLsn };
    return endLsn > end ? endLsn : end;
  }, zeroLsn);
}

interface Read {
  readonly endLsn: Lsn;
  readonly rows: readonly string[];
}

/** What a reader of the log finds; asserts that it never meets a gap. */
function readLog(log: readonly CommitRecord[]): Read[] {
  const cuts = { history: [], uptoEpoch: epoch };
  const found: Read[] = [];
  let place = placeAt({ epoch, endLsn: zeroLsn });
  let open: string[] = [];
  for (const record of log) {
    const verdict = checkChain(place, record, cuts);
    assert.notEqual(verdict.kind, 'gap');
    if (verdict.kind === 'transactions') {
      const relations = new Map<number, Uint8Array>();
      for (const { messages } of verdict.known) rowsOf(messages, relations);
      for (const { messages, endLsn } of verdict.transactions) {
        found.push({ endLsn, rows: rowsOf(messages, relations) });
      }
    } else if (verdict.kind === 'chunk' && record.kind === 'chunk') {
      if (verdict.restarts || record.part === 0) open = [];
      open.push(...rowsOf(record.messages, new Map()));
      if (record.endLsn !== null) found.push({ endLsn: record.endLsn, rows: open });
    }
    if ('place' in verdict) {
      assert.ok(isAtOrPast(verdict.place.position, place.position));
      ({ place } = verdict);
    }
  }
  return found;
}

/** Rows with the relation that the record itself gives them. */
function rowsOf(messages: readonly Uint8Array[], relations: Map<number, Uint8Array>): string[] {
  return messages.flatMap((message) => {
    const table = new DataView(message.buffer, message.byteOffset).getUint32(1);
    if (message[0] === relationTag) relations.set(table, message);
    if (message[0] !== insertTag) return [];
    const relation = relations.get(table);
    assert.ok(relation !== undefined, 'a row whose relation is not in its record');
    return [keyOf(relation, message)];
  });
}

function keyOf(relation: Uint8Array, row: Uint8Array): string {
  return `${Buffer.from(relation).toString('hex')} ${Buffer.from(row).toString('hex')}`;
}

function expectedOf(source: readonly Source[]): Read[] {
  return source.flatMap(({ endLsn, rows, isOwn }) => {
    const carried = rows.filter(({ table }) => !isOwn && table !== localTable);
    if (carried.length === 0) return [];
    const keys = carried.map(({ table, version, text }) =>
      keyOf(relationOf(table, version), insertMessage(table, [text])),
    );
    return [{ endLsn, rows: keys }];
  });
}

test('each transaction comes once, whole and in order, however it was decoded', () => {
  fc.assert(
    fc.property(history, sessions, (transactions, interrupted) => {
      const source = sourceOf(transactions);
      const log: CommitRecord[] = [];
      const last = { messages: Infinity, atOnce: 30, back: 2, resent: 2 };
      for (const session of [...interrupted, last]) {
        log.push(...log.slice(log.length - Math.min(session.resent, log.length)));
        decode(log, source, session);
      }
      assert.deepEqual(readLog(log), expectedOf(source));
      for (const record of log) {
        if (record.kind !== 'chunk') continue;
        const bytes = record.messages.map(({ byteLength }) => byteLength);
        // The last row, and the relation before it, may go beyond.
        const before = bytes.slice(0, -2).reduce((sum, one) => sum + one, 0);
        assert.ok(before < chunkBytesMax, 'a chunk goes on after it is full');
      }
    }),
    { numRuns: 400 },
  );
});
