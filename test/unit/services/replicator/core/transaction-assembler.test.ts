import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  initialAssembler,
  stepAssembler,
  type AssemblerState,
} from '../../../../../services/replicator/core/transaction-assembler.ts';
import type { CommitRecord } from '../../../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../../shared/core/lsn.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';
import {
  beginMessage,
  commitMessage,
  insertMessage,
  originMessage,
  relationMessage,
  truncateMessage,
} from '../../../../helpers/replication/pgoutput.ts';

const relation = relationMessage(5, { schema: 'public', name: 't' }, [{ name: 'id', isKey: true }]);
const local = relationMessage(6, { schema: 'meridian_local', name: 'progress' }, [{ name: 'a' }]);
const row = insertMessage(5, ['1']);

function start(lastEndLsn = 0n, chunkBytesMax = 1024): AssemblerState {
  return initialAssembler({
    epoch: 3 as Epoch,
    origin: 'eu-west' as RegionId,
    chunkBytesMax,
    lastEndLsn: lastEndLsn as Lsn,
  });
}

function run(state: AssemblerState, ...messages: Uint8Array[]): readonly CommitRecord[] {
  const step = stepAssembler(state, { kind: 'messagesRead', messages });
  assert.equal(step.malformed, null);
  return step.records;
}

function transaction(commitLsn: bigint, ...messages: Uint8Array[]): Uint8Array[] {
  return [
    beginMessage(commitLsn, Number(commitLsn)),
    ...messages,
    commitMessage(commitLsn, commitLsn + 8n),
  ];
}

test('small transactions are packed and chained, the relation is carried once', () => {
  const records = run(start(), ...transaction(16n, relation, row), ...transaction(32n, row, row));
  assert.equal(records.length, 1);
  const [record] = records;
  assert.ok(record?.kind === 'transactions');
  assert.deepEqual(
    record.transactions.map(({ xid, prevEndLsn, endLsn }) => [xid, prevEndLsn, endLsn]),
    [
      [16, 0n, 24n],
      [32, 24n, 40n],
    ],
  );
  assert.deepEqual(
    record.transactions.map(({ messages }) => messages.map(([tag]) => tag)),
    [
      [82, 73],
      [73, 73],
    ],
  );
});

test('a later record carries the relation again, though PostgreSQL sends it once', () => {
  const first = stepAssembler(start(), {
    kind: 'messagesRead',
    messages: transaction(16n, relation, row),
  });
  const [record] = run(first.state, ...transaction(32n, row));
  assert.ok(record?.kind === 'transactions');
  assert.deepEqual(record.transactions[0]?.messages[0], relation);
  assert.equal(record.transactions[0]?.prevEndLsn, 24n);
});

test('a large transaction is cut into chunks that are each readable alone', () => {
  const big = insertMessage(5, ['x'.repeat(600)]);
  const records = run(start(0n, 1000), ...transaction(16n, relation, big, big, big, big));
  assert.deepEqual(
    records.map((record) => record.kind === 'chunk' && [record.part, record.isLast, record.endLsn]),
    [
      [0, false, null],
      [1, false, null],
      [2, true, 24n],
    ],
  );
  for (const record of records.slice(0, 2)) {
    assert.ok(record.kind === 'chunk');
    assert.deepEqual(record.messages[0], relation);
  }
});

test('small transactions before a chunk come first', () => {
  const big = insertMessage(5, ['x'.repeat(2000)]);
  const records = run(
    start(),
    ...transaction(16n, relation, row),
    ...transaction(32n, big),
    ...transaction(64n, row),
  );
  assert.deepEqual(
    records.map(({ kind }) => kind),
    ['transactions', 'chunk', 'chunk', 'transactions'],
  );
});

test('region-local tables leave no trace, and a transaction of nothing else is none', () => {
  const foreign = insertMessage(6, ['1']);
  assert.deepEqual(run(start(), ...transaction(16n, local, foreign)), []);
  const [record] = run(start(), ...transaction(16n, local, foreign, relation, row));
  assert.ok(record?.kind === 'transactions');
  assert.deepEqual(record.transactions[0]?.messages, [relation, row]);
});

test('trap 33: what carries the own origin is no record', () => {
  assert.deepEqual(run(start(), ...transaction(16n, originMessage('meridian'), relation, row)), []);
  assert.equal(run(start(), ...transaction(16n, originMessage('other'), relation, row)).length, 1);
});

test('trap 4: transactions that the log holds are skipped by their commit alone', () => {
  const records = run(start(24n), ...transaction(16n, relation, row), ...transaction(24n, row));
  assert.equal(records.length, 1);
  const [record] = records;
  assert.ok(record?.kind === 'transactions');
  assert.deepEqual(
    record.transactions.map(({ endLsn, prevEndLsn }) => [prevEndLsn, endLsn]),
    [[24n, 32n]],
  );
});

test('TRUNCATE carries the relations it names', () => {
  const [record] = run(start(), ...transaction(16n, relation, truncateMessage([5])));
  assert.ok(record?.kind === 'transactions');
  assert.deepEqual(record.transactions[0]?.messages, [relation, truncateMessage([5])]);
});

test('a stream that cannot be understood is refused', () => {
  const wrong: readonly Uint8Array[][] = [
    [row],
    [beginMessage(16n, 1), row],
    [commitMessage(16n, 24n)],
    [beginMessage(16n, 1), beginMessage(32n, 2)],
    [new Uint8Array([1, 2, 3])],
  ];
  for (const messages of wrong) {
    const step = stepAssembler(start(), { kind: 'messagesRead', messages });
    assert.notEqual(step.malformed, null);
  }
});

test('how far decoding has passed counts skipped and empty transactions', () => {
  const step = stepAssembler(start(), { kind: 'messagesRead', messages: transaction(16n) });
  assert.equal(step.state.passedLsn, 24n);
  assert.equal(step.state.lastEndLsn, 0n);
});
