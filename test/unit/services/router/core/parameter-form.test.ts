import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parameterText } from '../../../../../services/router/core/parameter-form.ts';

const rows: [string, unknown, string | null][] = [
  ['null', null, null],
  ['text', 'a', 'a'],
  ['a number', 1.5, '1.5'],
  ['a boolean', true, 'true'],
  ['an object', { a: [1] }, '{"a":[1]}'],
  ['an array', [1, null, 'x"y'], String.raw`{"1",NULL,"x\"y"}`],
  ['a nested array', [[1], [2]], '{{"1"},{"2"}}'],
  ['an array of objects', [{ a: 1 }], String.raw`{"{\"a\":1}"}`],
];

for (const [name, value, text] of rows) {
  test(name, () => assert.equal(parameterText(value), text));
}
