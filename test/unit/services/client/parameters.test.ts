import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parameterOf } from '../../../../services/client/parameters.ts';

const rows: [string, unknown, unknown][] = [
  ['undefined is NULL', undefined, null],
  ['text stays', 'a', 'a'],
  ['a number stays', 1.5, 1.5],
  ['a bigint keeps its digits', 9_223_372_036_854_775_807n, '9223372036854775807'],
  ['bytes', new Uint8Array([0, 255]), '\\x00ff'],
  ['in an array', [1n, [new Uint8Array([1])]], ['1', ['\\x01']]],
  ['a document stays', { a: 1 }, { a: 1 }],
  ['what knows its own form', { toPostgres: () => 3n }, '3'],
];

for (const [name, value, expected] of rows) {
  test(name, () => assert.deepEqual(parameterOf(value), expected));
}

test('a date keeps its moment', () => {
  const date = new Date('2026-01-02T03:04:05.678Z');
  const text = parameterOf(date);
  assert.equal(typeof text, 'string');
  assert.equal(new Date(String(text)).getTime(), date.getTime());
});
