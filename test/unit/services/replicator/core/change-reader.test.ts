import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeOf } from '../../../../../services/replicator/core/change-reader.ts';
import { testShape } from '../../../../helpers/replication/table-shapes.ts';

const shape = testShape('t', ['id', 'v']);

test('an update that kept its key finds its row by the new one', () => {
  const change = changeOf(
    { kind: 'update', relation: 1, old: null, oldIsKey: false, row: ['1', 'x'] },
    shape,
  );
  assert.deepEqual(change, { kind: 'update', shape, old: ['1', 'x'], row: ['1', 'x'] });
});

test('an update with an old key finds its row by that, the other columns are as in the new', () => {
  const change = changeOf(
    { kind: 'update', relation: 1, old: ['0', null], oldIsKey: true, row: ['1', undefined] },
    shape,
  );
  assert.deepEqual(change, { kind: 'update', shape, old: ['0', undefined], row: ['1', undefined] });
});

test('a whole old row stays whole', () => {
  const change = changeOf(
    { kind: 'update', relation: 1, old: ['0', 'a'], oldIsKey: false, row: ['1', 'b'] },
    shape,
  );
  assert.deepEqual(change, { kind: 'update', shape, old: ['0', 'a'], row: ['1', 'b'] });
});
