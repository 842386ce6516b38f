import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  boundOf,
  compareRows,
  rowsOf,
  sumOf,
  type RowFacts,
  type VerifiedTable,
} from '../../../../../services/cli/core/verify-plan.ts';

const table: VerifiedTable = {
  schema: 'odd"one',
  name: 't',
  key: [
    { name: 'a', type: 'integer' },
    { name: 'b', type: 'text' },
  ],
};

const at = (hash: string, version = '1'): RowFacts => ({ hash, version });

test('a range goes from above one key to another', () => {
  const { text, values } = sumOf(table, { low: ['1', 'x'], high: ['5', 'y'] });
  assert.match(text, /FROM ONLY "odd""one"\."t" AS t WHERE \("a", "b"\) > \(\$1::text::integer/);
  assert.match(text, /\("a", "b"\) <= \(\$3::text::integer, \$4::text::text\)$/);
  assert.deepEqual(values, ['1', 'x', '5', 'y']);
});

test('the first range has no lower bound, the bound is the last key of a range', () => {
  const { text, values } = boundOf(table, null, 100);
  assert.match(text, /WHERE true ORDER BY "a", "b" LIMIT 1 OFFSET 99$/);
  assert.deepEqual(values, []);
});

test('rows without a key are counted by their content, in parts', () => {
  const { text } = rowsOf({ ...table, key: [] }, { low: null, high: null }, 3);
  assert.match(text, /count\(\*\)::text AS hash/);
  assert.match(text, /& 63 = 3 GROUP BY 1$/);
});

const rows: readonly (readonly [
  string,
  (RowFacts | null)[],
  { differences: string[]; undecided: number },
])[] = [
  ['equal', [at('h'), at('h', '7'), at('h')], { differences: [], undecided: 0 }],
  ['another row', [at('h'), at('x'), at('h')], { differences: ['differs'], undecided: 0 }],
  ['no row there', [at('h'), null, at('h')], { differences: ['missing'], undecided: 0 }],
  ['a row too many', [null, at('x'), null], { differences: ['extra'], undecided: 0 }],
  ['just arrived', [at('h'), at('i'), at('i', '2')], { differences: [], undecided: 0 }],
  ['not yet arrived', [at('h'), at('h'), at('i', '2')], { differences: [], undecided: 0 }],
  ['written meanwhile', [at('h'), at('x'), at('i', '2')], { differences: [], undecided: 1 }],
  ['written to and fro', [at('h'), at('x'), at('h', '3')], { differences: [], undecided: 1 }],
  ['deleted meanwhile', [at('h'), null, null], { differences: [], undecided: 0 }],
];

for (const [name, [before, other, after], expected] of rows) {
  test(`a key is judged: ${name}`, () => {
    const side = (row: RowFacts | null | undefined) =>
      new Map<string, RowFacts>(row === null || row === undefined ? [] : [['k', row]]);
    const { differences, undecided } = compareRows(side(before), side(other), side(after));
    assert.deepEqual({ differences: differences.map(({ kind }) => kind), undecided }, expected);
  });
}
