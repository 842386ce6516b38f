import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  referencesIn,
  resolveParams,
  splitAtReferences,
} from '../../../../../services/router/core/statement-references.ts';

const reference = { $result: { statement: 0, row: 0, column: 'id' } };
const results = [{ fields: [{ name: 'id' }], rows: [['7'], [null]] }];

test('only the exact form is a reference', () => {
  for (const param of [
    { $result: 'x' },
    { $result: { statement: 0 } },
    { $result: { statement: -1, row: 0, column: 'id' } },
    { $result: { statement: 0, row: 0.5, column: 'id' } },
    { ...reference, more: 1 },
    'text',
    null,
    [reference],
  ]) {
    assert.deepEqual(referencesIn([param]), []);
  }
  assert.equal(referencesIn([1, reference]).length, 1);
});

test('a statement with references begins a group', () => {
  const plain = { params: [1] };
  const bound = { params: [reference] };
  const sizes = (list: readonly { params: readonly unknown[] }[]) =>
    splitAtReferences(list).map(({ length }) => length);
  assert.deepEqual(sizes([]), [0]);
  assert.deepEqual(sizes([plain, plain]), [2]);
  assert.deepEqual(sizes([plain, bound, plain, bound]), [1, 2, 1]);
  assert.deepEqual(sizes([bound]), [1]);
});

const rows: [string, unknown, unknown][] = [
  ['a value', reference, ['7']],
  ['NULL', { $result: { statement: 0, row: 1, column: 'id' } }, [null]],
  ['a row that is not there', { $result: { statement: 0, row: 2, column: 'id' } }, null],
  ['a column that is not there', { $result: { statement: 0, row: 0, column: 'x' } }, null],
  ['a later statement', { $result: { statement: 1, row: 0, column: 'id' } }, null],
];
for (const [name, param, expected] of rows) {
  test(name, () => {
    const resolved = resolveParams([param], results);
    assert.deepEqual(resolved.kind === 'resolved' ? resolved.params : null, expected);
  });
}
