import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  admits,
  initialLimit,
  recordLatency,
  type LimitState,
} from '../../../../../services/gateway/core/concurrency-limit.ts';

const policy = { min: 5, max: 100, tolerance: 2 };

/** A server that handles `capacity` requests at 10 ms and queues the rest. */
function settle(capacity: number, rounds: number): LimitState {
  let state = recordLatency(initialLimit(policy), { latencyMs: 10, inFlight: 1 }, policy);
  for (let i = 0; i < rounds; i += 1) {
    const inFlight = Math.floor(state.limit);
    const latencyMs = 10 * Math.max(1, inFlight / capacity);
    state = recordLatency(state, { latencyMs, inFlight }, policy);
  }
  return state;
}

test('the limit settles near what the upstream takes at tolerable latency', () => {
  const { limit } = settle(20, 20_000);
  assert.ok(limit > 30 && limit < 50, String(limit));
});

test('it grows to its maximum when latency never rises, and stays when it is not used', () => {
  assert.equal(Math.floor(settle(1000, 20_000).limit), 100);
  const idle = recordLatency(initialLimit(policy), { latencyMs: 10, inFlight: 1 }, policy);
  assert.equal(idle.limit, initialLimit(policy).limit);
});

test('failures cut it by a tenth each, never below the minimum', () => {
  let state = initialLimit(policy);
  for (let i = 0; i < 100; i += 1) {
    state = recordLatency(state, { latencyMs: null, inFlight: 50 }, policy);
  }
  assert.equal(state.limit, 5);
  assert.equal(admits(state, 4), true);
  assert.equal(admits(state, 5), false);
});
