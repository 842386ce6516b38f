import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFiles } from './source-tree.ts';
import { namedOtherwise, trapsNamed, withoutTest } from './traps.ts';

const all = numbers(1, 85);

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

test('traps: names are read from titles', () => {
  assert.deepEqual(trapsNamed("test('trap 45, 46: partitions', …) test(`traps 1`)"), [45, 46, 1]);
  assert.deepEqual(trapsNamed('a comment on trap 7'), []);
});

test('traps: each is named in a test, or listed as without one', () => {
  const files = readFiles((path) => path.startsWith('test/') && path.endsWith('.ts'));
  const named = new Set(files.flatMap(({ text }) => trapsNamed(text)));
  for (const [number, [path, title]] of Object.entries(namedOtherwise)) {
    const file = files.find((candidate) => candidate.path === path);
    assert.ok(file?.text.includes(title), `trap ${number}: ${path} has no "${title}"`);
    named.add(Number(number));
  }
  const missing = all.filter((number) => !named.has(number) && !withoutTest.includes(number));
  assert.deepEqual(missing, []);
  const both = withoutTest.filter((number) => named.has(number));
  assert.deepEqual(both, [], 'listed as without a test, and one names it');
});
