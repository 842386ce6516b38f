import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  listOf,
  NotAsExpected,
  oneOf,
  orNull,
  parseJson,
  readBoolean,
  readCount,
  readEpoch,
  readFields,
  readObject,
  readPosition,
  readRegion,
  readText,
  type Reader,
} from '../../../../shared/core/json-reader.ts';
import { at } from '../../../helpers/control-records.ts';

const readPair = readObject<{ a: number; b: string | null }>({
  a: readCount,
  b: orNull(readText),
});

const read: readonly { name: string; reader: Reader<unknown>; value: unknown; want?: unknown }[] = [
  { name: 'an object with all keys', reader: readPair, value: { a: 1, b: null } },
  { name: 'keys in any order', reader: readPair, value: { b: 'x', a: 0 } },
  { name: 'a list', reader: listOf(readCount), value: [1, 2] },
  { name: 'an empty list', reader: listOf(readCount), value: [] },
  { name: 'one of the choices', reader: oneOf('yes', 'no'), value: 'no' },
  { name: 'the longest text', reader: readText, value: 'x'.repeat(10_000) },
  { name: 'the highest count', reader: readCount, value: Number.MAX_SAFE_INTEGER },
  { name: 'false', reader: readBoolean, value: false },
  { name: 'a region', reader: readRegion, value: 'eu-west' },
  { name: 'an epoch', reader: readEpoch, value: 3 },
  { name: 'a position', reader: readPosition, value: '3:0/10', want: at('3:0/10') },
];

for (const { name, reader, value, want } of read) {
  test(`read: ${name}`, () => {
    assert.deepEqual(reader(value, 'here'), want ?? value);
  });
}

interface RefusedRow {
  readonly name: string;
  readonly reader: Reader<unknown>;
  readonly value: unknown;
  readonly why: RegExp;
}
const refused: readonly RefusedRow[] = [
  { name: 'an unknown key', reader: readPair, value: { a: 1, b: 'x', c: 1 }, why: /unknown key c/ },
  { name: 'a key missing', reader: readPair, value: { a: 1 }, why: /here\.b/ },
  { name: 'a list for an object', reader: readPair, value: [], why: /not an object/ },
  { name: 'null for an object', reader: readPair, value: null, why: /not an object/ },
  {
    name: 'an inherited key',
    reader: readPair,
    value: JSON.parse('{"a":1,"b":"x","__proto__":{}}'),
    why: /unknown key __proto__/,
  },
  { name: 'an object for a list', reader: listOf(readCount), value: {}, why: /not a list/ },
  {
    name: 'a list without end',
    reader: listOf(readCount),
    value: Array.from({ length: 10_001 }, () => 1),
    why: /at most 10,000/,
  },
  { name: 'a wrong item', reader: listOf(readCount), value: [1, 'x'], why: /here\[1\]/ },
  { name: 'none of the choices', reader: oneOf('yes', 'no'), value: 'maybe', why: /yes, no/ },
  { name: 'a text too long', reader: readText, value: 'x'.repeat(10_001), why: /text/ },
  { name: 'a number for a text', reader: readText, value: 1, why: /text/ },
  { name: 'a negative count', reader: readCount, value: -1, why: /whole number/ },
  { name: 'a count beyond 2^53', reader: readCount, value: 2 ** 53, why: /whole number/ },
  { name: 'a count as text', reader: readCount, value: '1', why: /whole number/ },
  { name: 'zero for false', reader: readBoolean, value: 0, why: /true, false/ },
  { name: 'no region', reader: readRegion, value: 'EU', why: /not a region/ },
  { name: 'no epoch', reader: readEpoch, value: -1, why: /not an epoch/ },
  { name: 'no position', reader: readPosition, value: '3', why: /not a position/ },
];

for (const { name, reader, value, why } of refused) {
  test(`refused: ${name}`, () => {
    assert.throws(
      () => reader(value, 'here'),
      (error) => error instanceof NotAsExpected && why.test(error.message),
    );
  });
}

test('text that is no JSON is refused by name', () => {
  assert.throws(() => parseJson('{'), NotAsExpected);
  assert.deepEqual(parseJson('{"a":1}'), { a: 1 });
});

test('the fields of an object are handed out unread', () => {
  assert.deepEqual(readFields({ a: 'x' }, 'here'), { a: 'x' });
});
