import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiredFromMs, holderValidUntilMs } from '../../../../shared/core/lease.ts';

const times = { ttlMs: 5000, marginMs: 250 };

test('the holder stops a margin early, counted from before it sent', () => {
  assert.equal(holderValidUntilMs(1000, times), 5750);
});

test('others start a margin late, counted from when they read', () => {
  assert.equal(expiredFromMs(1000, times), 6250);
});

test('even a renewal read the moment it was sent leaves two margins between them', () => {
  assert.equal(expiredFromMs(1000, times) - holderValidUntilMs(1000, times), 500);
});

test('times may be negative or fractional: the clock has no fixed origin', () => {
  assert.equal(holderValidUntilMs(-4750, times), 0);
  assert.equal(expiredFromMs(0.5, times), 5250.5);
});
