import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOf, newSteps, renderStep } from '../../../../../services/cli/core/operation-view.ts';

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
