import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowLines } from '../../../../../services/router/core/row-lines.ts';

const result = { fields: [{ name: 'id', typeOid: 23 }], command: 'SELECT' };

test('head, a line for each row, end', () => {
  const lines = rowLines(result, 'object');
  assert.equal(lines.head, '{"fields":[{"name":"id","typeOid":23}],"command":"SELECT"}\n');
  assert.equal(lines.rows([['1'], [null]]), '{"id":1}\n{"id":null}\n');
  assert.equal(lines.end(2), '{"rowCount":2}\n');
  assert.equal(lines.error({ code: 'x' }), '{"error":{"code":"x"}}\n');
});

test('by position', () => {
  assert.equal(rowLines(result, 'array').rows([['1']]), '[1]\n');
  assert.equal(rowLines(result, 'text').rows([['1']]), '["1"]\n');
});
