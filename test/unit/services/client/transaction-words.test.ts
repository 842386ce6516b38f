import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transactionWordOf } from '../../../../services/client/transaction-words.ts';

const begin = (options: object, command = 'BEGIN') => ({ kind: 'begin', command, options });

const rows: [string, unknown][] = [
  ['BEGIN', begin({})],
  ['begin;', begin({})],
  ['  Begin Work ', begin({})],
  ['BEGIN TRANSACTION', begin({})],
  ['START TRANSACTION', begin({}, 'START')],
  ['BEGIN ISOLATION LEVEL SERIALIZABLE', begin({ isolation: 'serializable' })],
  [
    'START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY',
    begin({ isolation: 'repeatable read', readOnly: true }, 'START'),
  ],
  ['BEGIN READ ONLY', begin({ readOnly: true })],
  ['BEGIN READ WRITE, NOT DEFERRABLE', begin({ readOnly: false })],
  ['BEGIN ISOLATION LEVEL READ UNCOMMITTED', begin({ isolation: 'read committed' })],
  ['/* app */ BEGIN -- now', begin({})],
  ['COMMIT', { kind: 'commit' }],
  ['commit work;', { kind: 'commit' }],
  ['END TRANSACTION', { kind: 'commit' }],
  ['ROLLBACK', { kind: 'rollback' }],
  ['abort', { kind: 'rollback' }],
  ['BEGIN DEFERRABLE', null],
  ['COMMIT AND CHAIN', null],
  ['COMMIT PREPARED x', null],
  ['ROLLBACK TO SAVEPOINT a', null],
  ['SAVEPOINT a', null],
  ['SELECT 1', null],
  ['beginning', null],
  ['', null],
];

for (const [sql, word] of rows) {
  test(`"${sql}"`, () => assert.deepEqual(transactionWordOf(sql), word));
}
