import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFailpoints } from '../../../../shared/runtime/failpoints.ts';

test('each form is read', () => {
  const armed = parseFailpoints('log.append=kill,apply.commit=pause:250@3,link=error');
  assert.deepEqual(armed.get('log.append'), { kind: 'kill', ms: 0, visitsLeft: 1 });
  assert.deepEqual(armed.get('apply.commit'), { kind: 'pause', ms: 250, visitsLeft: 3 });
  assert.deepEqual(armed.get('link'), { kind: 'error', ms: 0, visitsLeft: 1 });
});

test('nothing armed is an empty map', () => assert.equal(parseFailpoints('').size, 0));

test('a misspelt one is refused, never ignored', () => {
  assert.throws(() => parseFailpoints('log.append=explode'), RangeError);
});
