import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBackoff } from '../../../../shared/runtime/backoff.ts';

test('waits double up to the limit and start again after a success', () => {
  const backoff = createBackoff({ firstMs: 100, maxMs: 350 }, () => 1);
  const waits = [backoff.nextMs(), backoff.nextMs(), backoff.nextMs(), backoff.nextMs()];
  assert.deepEqual(waits, [100, 200, 350, 350]);
  backoff.reset();
  assert.equal(backoff.nextMs(), 100);
});

test('the lower half is never used: a wait is never nothing', () => {
  const backoff = createBackoff({ firstMs: 100, maxMs: 100 }, () => 0);
  assert.equal(backoff.nextMs(), 50);
});
