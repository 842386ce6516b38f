import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  field,
  findAll,
  isRecord,
  textOf,
} from '../../../../../services/router/core/parse-tree.ts';

test('finds fields at any depth', () => {
  const tree = { a: [{ b: 1 }, { c: { b: 2 } }] };
  const found = findAll(tree, (key) => key === 'b').map(({ value }) => value);
  assert.deepEqual(found.toSorted(), [1, 2]);
});

test('a very deep tree does not overflow', () => {
  let tree: unknown = { end: 1 };
  for (let i = 0; i < 100_000; i += 1) tree = [tree];
  assert.equal(findAll(tree, (key) => key === 'end').length, 1);
});

test('fields of anything', () => {
  assert.equal(field({ a: 1 }, 'a'), 1);
  assert.equal(field([1], 'a'), undefined);
  assert.equal(field(null, 'a'), undefined);
  assert.equal(textOf(5), '');
  assert.equal(isRecord([]), false);
});
