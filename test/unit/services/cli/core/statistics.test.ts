import assert from 'node:assert/strict';
import { test } from 'node:test';
import { longestPause, percentile } from '../../../../../services/cli/core/statistics.ts';

test('percentiles by nearest rank, whatever the order', () => {
  const values = [5, 1, 4, 2, 3];
  assert.equal(percentile(values, 0.5), 3);
  assert.equal(percentile(values, 0.99), 5);
  assert.equal(percentile(values, 0), 1);
  assert.equal(percentile(values, 1), 5);
  assert.equal(percentile([], 0.5), null);
  assert.deepEqual(values, [5, 1, 4, 2, 3]);
});

test('the longest pause is looked for around the window only', () => {
  const times = [0, 500, 510, 520, 900, 910];
  const pause = longestPause(times, { fromMs: 515, toMs: 905 });
  assert.deepEqual(pause, { fromMs: 520, toMs: 900, durationMs: 380 });
});

test('a pause that only touches the window counts in full', () => {
  const pause = longestPause([100, 700], { fromMs: 600, toMs: 650 });
  assert.equal(pause?.durationMs, 600);
});

test('without two times there is no pause', () => {
  assert.equal(longestPause([5], { fromMs: 0, toMs: 10 }), null);
});
