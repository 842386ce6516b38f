import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resultText, uniqueNames } from '../../../../../services/router/core/reply-text.ts';

const result = {
  command: 'SELECT',
  rowCount: 1,
  fields: [
    { name: 'id', typeOid: 20 },
    { name: 'id', typeOid: 1700 },
  ],
  rows: [['9007199254740993', null]],
  isCutOff: false,
};

test('by name, without losing a column of the same name', () => {
  const body = JSON.parse(resultText(result, 'object')) as Record<string, unknown>;
  assert.deepEqual(body['rows'], [{ id: '9007199254740993', id_2: null }]);
  assert.deepEqual(body['fields'], [
    { name: 'id', typeOid: 20 },
    { name: 'id_2', typeOid: 1700 },
  ]);
});

test('by position, and as text', () => {
  assert.match(resultText(result, 'array'), /"rows":\[\["9007199254740993",null\]\]/);
  assert.match(resultText(result, 'text'), /"rows":\[\["9007199254740993",null\]\]/);
});

test('a cut off result says so', () => {
  assert.match(resultText({ ...result, isCutOff: true }, 'array'), /"truncated":true/);
});

test('names that clash with a made one', () => {
  assert.deepEqual(uniqueNames(['a', 'a', 'a_2', 'a']), ['a', 'a_2', 'a_2_2', 'a_3']);
});
