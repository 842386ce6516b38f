import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodePgoutput,
  relationOidOf,
} from '../../../../../shared/core/pgoutput/pgoutput-message.ts';
import {
  beginMessage,
  commitMessage,
  deleteMessage,
  insertMessage,
  originMessage,
  relationMessage,
  truncateMessage,
  updateMessage,
} from '../../../../helpers/replication/pgoutput.ts';

const columns = [{ name: 'id', isKey: true }, { name: 'é' }];

const cases: readonly (readonly [string, Uint8Array, unknown])[] = [
  ['begin', beginMessage(8n, 7, 5n), { kind: 'begin', commitLsn: 8n, commitTimeUs: 5n, xid: 7 }],
  ['commit', commitMessage(8n, 16n), { kind: 'commit', commitLsn: 8n, endLsn: 16n }],
  ['origin', originMessage('meridian'), { kind: 'origin', name: 'meridian' }],
  [
    'relation',
    relationMessage(5, { schema: 'public', name: 't', identity: 'f' }, columns),
    {
      kind: 'relation',
      relation: {
        oid: 5,
        schema: 'public',
        name: 't',
        identity: 'f',
        columns: [
          { isKey: true, name: 'id', typeOid: 25 },
          { isKey: false, name: 'é', typeOid: 25 },
        ],
      },
    },
  ],
  [
    'insert with null, empty text and unchanged value',
    insertMessage(5, ['1', null, '', undefined]),
    { kind: 'insert', relation: 5, row: ['1', null, '', undefined] },
  ],
  [
    'update without old row',
    updateMessage(5, null, ['1', 'x']),
    { kind: 'update', relation: 5, old: null, oldIsKey: false, row: ['1', 'x'] },
  ],
  [
    'update with old key',
    updateMessage(5, { mark: 'K', row: ['0', null] }, ['1', undefined]),
    { kind: 'update', relation: 5, old: ['0', null], oldIsKey: true, row: ['1', undefined] },
  ],
  [
    'delete by whole row',
    deleteMessage(5, 'O', ['1', 'x']),
    { kind: 'delete', relation: 5, old: ['1', 'x'], oldIsKey: false },
  ],
  [
    'truncate of two tables that restarts sequences',
    truncateMessage([5, 6], 2),
    { kind: 'truncate', relations: [5, 6], isCascade: false, restartsSequences: true },
  ],
];

for (const [name, bytes, expected] of cases) {
  test(`${name} is decoded`, () => assert.deepEqual(decodePgoutput(bytes), expected));

  test(`${name} cut short is malformed at every length`, () => {
    for (let length = 0; length < bytes.byteLength; length += 1) {
      assert.equal(decodePgoutput(bytes.subarray(0, length)).kind, 'malformed');
    }
  });
}

test('the relation of a row message is found without decoding it', () => {
  assert.equal(relationOidOf(insertMessage(77, ['1'])), 77);
  assert.equal(relationOidOf(new Uint8Array([73, 0])), 0);
});
