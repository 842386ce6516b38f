import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adaptive, costOf } from '../../../../../../services/gateway/core/balance/adaptive.ts';
import { candidates } from '../../../../../helpers/balancing.ts';

test('the cheaper of two', () => {
  const two = candidates(2).map((c, i) => ({ ...c, latencyMs: [5, 50][i] ?? 0 }));
  for (const first of [0, 0.5]) {
    assert.equal(adaptive.choose(two, null, { first, second: 0, key: '' }).index, 0);
  }
});

test('the two drawn are always different', () => {
  const slow = candidates(3).map((c, i) => ({ ...c, latencyMs: i === 0 ? 100 : 1 }));
  for (let second = 0; second < 1; second += 0.1) {
    assert.notEqual(adaptive.choose(slow, null, { first: 0, second, key: '' }).index, 0);
  }
});

test('cost grows with latency and queue and falls with weight', () => {
  const [base] = candidates(1, [1]);
  assert.ok(base);
  const at = (change: object): number => costOf({ ...base, latencyMs: 10, ...change });
  assert.ok(at({ inFlight: 1 }) > at({}));
  assert.ok(at({ latencyMs: 11 }) > at({}));
  assert.ok(at({ weight: 2 }) < at({}));
});
