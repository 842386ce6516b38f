import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupDigits, renderProgress } from '../../../../../services/cli/core/progress-bar.ts';

test('with a known end: bar, share, counts, time left', () => {
  const text = renderProgress({ title: 'load', done: 500, total: 1000, elapsedMs: 2000 });
  assert.match(text, /^load {2}\[█{12}░{12}\] {3}50 % {2}500\/1,000 {2}2\.0s left {2}2\.0s$/);
});

test('at the end nothing is left', () => {
  const text = renderProgress({ title: 'load', done: 1000, total: 1000, elapsedMs: 2000 });
  assert.match(text, /\[█{24}\] {2}100 %/);
  assert.doesNotMatch(text, /left/);
});

test('without a known end: count, time and detail', () => {
  const progress = { title: 'compare', done: 1200, total: null, elapsedMs: 100, detail: 'slow' };
  assert.equal(renderProgress(progress), 'compare  1,200  100ms  slow');
});

test('digits are grouped by three', () => {
  assert.deepEqual([0, 999, 1000, 171_075].map(groupDigits), ['0', '999', '1,000', '171,075']);
});
