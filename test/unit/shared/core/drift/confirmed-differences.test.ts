import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfirmedDifferences } from '../../../../../shared/core/drift/confirmed-differences.ts';

test('a difference is told once, when two looks in a row have found it', () => {
  const differences = new ConfirmedDifferences();
  const looks = [['a'], ['a', 'b'], ['a'], ['b'], ['a', 'b'], ['a', 'b'], [], []];
  const told = [null, ['a'], null, [], ['b'], ['a', 'b'], [], null];
  assert.deepEqual(
    looks.map((found) => differences.after(found)),
    told,
  );
});
