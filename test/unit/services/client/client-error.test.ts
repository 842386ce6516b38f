import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeridianClientError, problemOf } from '../../../../services/client/client-error.ts';

test('a problem document', () => {
  const text = JSON.stringify({
    code: 'StatementFailed',
    detail: 'duplicate key',
    retry: 'never',
    sqlstate: '23505',
    requestId: 'r',
    facts: { constraint: 't_pkey' },
  });
  const error = new MeridianClientError(problemOf(422, text));
  assert.equal(error.code, 'StatementFailed');
  assert.equal(error.sqlstate, '23505');
  assert.equal(error.message, 'duplicate key');
  assert.deepEqual(error.facts, { constraint: 't_pkey' });
});

test('anything else', () => {
  const problem = problemOf(502, '<html>');
  assert.deepEqual([problem.code, problem.retry], ['Http502', 'never']);
});
