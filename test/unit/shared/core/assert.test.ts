import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  assert as assertInvariant,
  assertNever,
  InvariantBroken,
} from '../../../../shared/core/assert.ts';

for (const value of [true, 1, 'text', {}]) {
  test(`an invariant that holds passes: ${JSON.stringify(value)}`, () => {
    assertInvariant(value, 'unused');
  });
}

for (const value of [false, 0, '', null, undefined]) {
  test(`an invariant that is broken throws: ${JSON.stringify(value)}`, () => {
    assert.throws(() => {
      assertInvariant(value, 'the lease is over');
    }, new InvariantBroken('the lease is over'));
  });
}

test('a variant that nobody handles throws and is shown', () => {
  assert.throws(() => assertNever({ kind: 'odd' } as never), /unexpected variant: .*"odd"/);
});
