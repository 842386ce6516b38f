import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  endOf,
  newSteps,
  renderResult,
  renderStep,
} from '../../../../../services/cli/core/operation-view.ts';

const steps = [
  { name: 'prepared', atMs: 3, detail: '' },
  { name: 'sealed', atMs: 1200, detail: 'eu-west at 1:0/10' },
];

test('only steps that were not shown yet', () => {
  assert.deepEqual(newSteps(1, steps), [steps[1]]);
  assert.deepEqual(newSteps(2, steps), []);
});

test('a step with its time', () => {
  assert.deepEqual(
    steps.map((step) => renderStep(step)),
    ['    3ms  prepared', '   1.2s  sealed             eu-west at 1:0/10'],
  );
});

for (const [phase, end] of [
  ['done', 'done'],
  ['failed', 'failed'],
  ['abandoned', 'failed'],
  ['sealing', null],
] as const) {
  test(`phase ${phase} means ${String(end)}`, () => {
    assert.equal(endOf(phase), end);
  });
}

test('facts of the result, times as durations, parts of parts left out', () => {
  const text = renderResult({ to: 'us-east', writePauseMs: 412, lost: null, inner: { a: 1 } });
  assert.equal(text, '  to               us-east\n  write pause      412ms');
});
