import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError, usageError } from '../../../../../services/cli/core/cli-error.ts';

test('an error without options counts as failed and has no hint', () => {
  const error = new CliError('no');
  assert.deepEqual([error.message, error.exitCode, error.hint], ['no', 1, null]);
});

test('a usage error exits 2 and may carry a hint', () => {
  assert.deepEqual([usageError('no').exitCode, usageError('no').hint], [2, null]);
  assert.equal(usageError('no', 'yes').hint, 'yes');
});
