import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import { errorFields } from '../../../../shared/logging/error-fields.ts';

const secret = 'correct-horse';

test('a driver’s error loses what it was at, and keeps what it was', () => {
  const redis = Object.assign(new Error('WRONGPASS'), {
    ...{ name: 'ReplyError', command: { name: 'auth', args: [secret] } },
  });
  const row = { detail: `Key (id)=(${secret}) exists.`, where: secret, internalQuery: secret };
  const postgres = Object.assign(new Error('duplicate key', { cause: redis }), {
    ...{ code: '23505', table: 'note', constraint: 'note_pkey', ...row },
    client: { connectionParameters: { password: secret } },
  });
  const parts = new AggregateError([postgres, { secret }], 'both failed');
  const text = JSON.stringify(errorFields(new Error('outer', { cause: parts })));
  assert.ok(!text.includes(secret), text);
  for (const kept of ['outer', 'both failed', '23505', 'note_pkey', 'WRONGPASS', 'ReplyError'])
    assert.ok(text.includes(kept), kept);
});

test('Meridian’s own errors keep their facts', () => {
  const error = new MeridianError('ConfigInvalid', 'No.', { hint: 'Do.' });
  const { code, details } = errorFields(error) as Record<string, unknown>;
  assert.deepEqual([code, details], ['ConfigInvalid', { hint: 'Do.' }]);
});

test('an endless chain of causes ends', () => {
  const error = new Error('again');
  error.cause = error;
  assert.ok(JSON.stringify(errorFields(error)).length < 100_000);
});

test('what is no error is not written out', () => {
  assert.deepEqual([errorFields({ secret }), errorFields('words')], ['object', 'words']);
});
