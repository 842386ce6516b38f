import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  granted,
  leaseSize,
  noLease,
  spend,
  takeFromBucket,
  type BucketState,
} from '../../../../../services/gateway/core/token-lease.ts';

const policy = { perSecond: 100, burst: 200 };

test('a lease is a tenth of a second of the rate, at least one token', () => {
  assert.equal(leaseSize(policy), 10);
  assert.equal(leaseSize({ perSecond: 1, burst: 1 }), 1);
  assert.equal(leaseSize({ perSecond: 1000, burst: 50 }), 5);
});

test('without a lease the bucket is asked; with one it is not, until it is spent or ends', () => {
  assert.equal(spend(noLease, 0).kind, 'ask');
  let state = granted({ tokens: 2, waitMs: 0 }, 0);
  for (let i = 0; i < 2; i += 1) {
    const verdict = spend(state, 10);
    assert.equal(verdict.kind, 'pass');
    if (verdict.kind === 'pass') state = verdict.state;
  }
  assert.equal(spend(state, 10).kind, 'ask');
  const idle = granted({ tokens: 2, waitMs: 0 }, 0);
  assert.equal(spend(idle, 9999).kind, 'pass');
  assert.equal(spend(idle, 10_000).kind, 'ask');
});

test('an empty bucket is not asked again before it can have a token', () => {
  const state = granted({ tokens: 0, waitMs: 40 }, 100);
  assert.deepEqual(spend(state, 110), { kind: 'refuse', retryAfterMs: 30 });
  assert.equal(spend(state, 140).kind, 'ask');
});

test('the local bucket gives the burst, then the rate', () => {
  let bucket: BucketState | null = null;
  let total = 0;
  for (let nowMs = 0; nowMs <= 10_000; nowMs += 10) {
    const taken = takeFromBucket(bucket, policy, nowMs);
    bucket = taken.state;
    total += taken.tokens;
  }
  assert.ok(total >= 1190 && total <= 1200, String(total));
});

test('an empty local bucket says when it will have a token', () => {
  const empty = { tokens: 0, atMs: 0 };
  assert.equal(takeFromBucket(empty, policy, 0).waitMs, 10);
  assert.equal(takeFromBucket(empty, policy, 10).tokens, 1);
});
