import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TailReader } from '../../../../../shared/core/pgoutput/tail-row.ts';
import {
  deleteMessage,
  insertMessage,
  relationMessage,
  truncateMessage,
  updateMessage,
} from '../../../../helpers/replication/pgoutput.ts';

const columns = [{ name: 'id', isKey: true }, { name: 'body' }];
const note = relationMessage(7, { schema: 'public', name: 'note' }, columns);
const whole = relationMessage(8, { schema: 'public', name: 'free', identity: 'f' }, [
  { name: 'a', isKey: true },
  { name: 'b', isKey: true },
]);
const place = { schema: 'public', table: 'note' };

const rows = [
  [
    'an insert has no row before',
    [note, insertMessage(7, ['1', 'x'])],
    { ...place, command: 'insert', key: { id: '1' }, before: null, after: { id: '1', body: 'x' } },
  ],
  [
    'an update that keeps the key tells the key and the row after',
    [note, updateMessage(7, null, ['1', undefined])],
    { ...place, command: 'update', key: { id: '1' }, before: null, after: { id: '1' } },
  ],
  [
    'an update of the key is found by the old one',
    [note, updateMessage(7, { mark: 'K', row: ['1', undefined] }, ['2', 'y'])],
    {
      ...{ ...place, command: 'update', key: { id: '1' } },
      ...{ before: { id: '1' }, after: { id: '2', body: 'y' } },
    },
  ],
  [
    'a delete by the whole row tells it',
    [whole, deleteMessage(8, 'O', ['1', null])],
    {
      ...{ schema: 'public', table: 'free', command: 'delete', key: { a: '1', b: null } },
      ...{ before: { a: '1', b: null }, after: null },
    },
  ],
  [
    'a truncate names the table',
    [note, truncateMessage([7], 0)],
    { ...place, command: 'truncate', key: null, before: null, after: null },
  ],
] as const;

for (const [name, messages, expected] of rows) {
  test(name, () => {
    const read = new TailReader().read(messages);
    assert.deepEqual(read, { kind: 'rows', rows: [expected], request: null });
  });
}

test('the request is named, its own row is not listed; DDL is', () => {
  const key = relationMessage(9, { schema: 'meridian', name: 'idempotency' }, [
    { name: 'key', isKey: true },
    { name: 'caller' },
  ]);
  const ddl = relationMessage(10, { schema: 'meridian', name: 'ddl' }, [
    { name: 'id', isKey: true },
    { name: 'statement' },
  ]);
  const read = new TailReader().read([
    ...[key, insertMessage(9, ['k-1', 'ann']), ddl, insertMessage(10, ['1', 'CREATE TABLE t ()'])],
  ]);
  assert.ok(read.kind === 'rows');
  assert.deepEqual(read.request, { key: 'k-1', caller: 'ann' });
  assert.deepEqual(
    read.rows.map(({ command, after }) => [command, after?.['statement']]),
    [['ddl', 'CREATE TABLE t ()']],
  );
});

test('what is no message is malformed', () => {
  assert.equal(new TailReader().read([Uint8Array.of(1, 2)]).kind, 'malformed');
});
