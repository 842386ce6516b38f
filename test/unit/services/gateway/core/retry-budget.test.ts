import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRetryBudget } from '../../../../../services/gateway/core/retry-budget.ts';

function taken(
  budget: ReturnType<typeof createRetryBudget>,
  nowMs: number,
  tries = 10_000,
): number {
  let count = 0;
  while (count < tries && budget.take(nowMs)) count += 1;
  return count;
}

test('a fifth of the requests of the last ten seconds, and a few', () => {
  const budget = createRetryBudget(0.2);
  for (let i = 0; i < 1000; i += 1) budget.record(i);
  assert.equal(budget.left(1000), 205);
  assert.equal(taken(budget, 1000), 205);
});

test('what was taken counts for ten seconds, then both are forgotten', () => {
  const budget = createRetryBudget(0.2);
  for (let i = 0; i < 100; i += 1) budget.record(0);
  assert.equal(taken(budget, 0), 25);
  assert.equal(taken(budget, 9000), 0);
  assert.equal(taken(budget, 10_000), 5);
});

test('a long silence clears everything once', () => {
  const budget = createRetryBudget(0.5);
  for (let i = 0; i < 100; i += 1) budget.record(0);
  assert.equal(budget.left(1e9), 5);
});

test('a share of 0 allows none', () => {
  const budget = createRetryBudget(0);
  budget.record(0);
  assert.equal(budget.take(0), false);
});
