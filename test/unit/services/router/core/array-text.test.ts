import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatArrayText, parseArrayText } from '../../../../../services/router/core/array-text.ts';

const rows: [string, string, ReturnType<typeof parseArrayText>][] = [
  ['empty', '{}', []],
  ['words', '{a,b}', ['a', 'b']],
  ['NULL and "NULL"', '{NULL,"NULL"}', [null, 'NULL']],
  ['quotes and backslashes', String.raw`{"a\"b","c\\d"}`, ['a"b', String.raw`c\d`]],
  [
    'nested',
    '{{1,2},{3,NULL}}',
    [
      ['1', '2'],
      ['3', null],
    ],
  ],
  ['a comma in quotes', '{"a,b"}', ['a,b']],
  ['an empty string', '{""}', ['']],
  ['explicit bounds', '[2:3]={1,2}', null],
  ['cut off', '{a,', null],
  ['something behind', '{a}b', null],
  ['an empty item', '{a,,b}', null],
];

for (const [name, text, items] of rows) {
  test(name, () => assert.deepEqual(parseArrayText(text), items));
}

test('what is written is read back', () => {
  const items = ['a"b\\c', null, '', ['NULL', ['{,}']]];
  assert.deepEqual(parseArrayText(formatArrayText(items)), items);
});
