import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type MarkMade,
  nextMark,
  type Sequence,
} from '../../../../../services/replicator/core/sequence-mark.ts';

const rising: Sequence = {
  ...{ lastValue: 7n, minValue: 1n, maxValue: 2n ** 63n - 1n, increment: 1n, mark: null },
};
const made = (mark: bigint, lastValue: bigint, atMs = 0): MarkMade => ({ mark, lastValue, atMs });

test('a first mark is a thousand steps ahead, in the direction of the sequence', () => {
  assert.equal(nextMark(rising, null, 0), 1007n);
  assert.equal(nextMark({ ...rising, increment: 5n }, null, 0), 5007n);
  const descending = { ...rising, lastValue: -7n, minValue: -(2n ** 63n), maxValue: -1n };
  assert.equal(nextMark({ ...descending, increment: -2n }, null, 0), -2007n);
});

test('a mark stays until half of what lies before it is used', () => {
  const known = made(1007n, 7n);
  assert.equal(nextMark({ ...rising, mark: 1007n, lastValue: 507n }, known, 1000), null);
  assert.equal(nextMark({ ...rising, mark: 1007n, lastValue: 508n }, known, 1000), 1510n);
});

test('a fast sequence gets twice what it used in ten seconds', () => {
  const at = { ...rising, mark: 1007n, lastValue: 50_007n };
  assert.equal(nextMark(at, made(1007n, 7n), 1000), 150_007n);
  assert.equal(nextMark(at, made(1007n, 7n), 20_000), 100_007n);
  const later = { ...rising, mark: 150_007n, lastValue: 100_008n };
  assert.equal(nextMark(later, made(150_007n, 50_007n), 1_000_000), 101_008n);
});

test('a mark that another process made is kept when it is near enough', () => {
  assert.equal(nextMark({ ...rising, mark: 600n }, null, 0), null);
  assert.equal(nextMark({ ...rising, mark: 400n }, null, 0), 1007n);
  assert.equal(nextMark({ ...rising, mark: 90_000n }, null, 0), 1007n);
});

test('a sequence that was set back gets a mark there', () => {
  const known = made(91_000n, 90_000n);
  assert.equal(nextMark({ ...rising, lastValue: 1n, mark: 91_000n }, known, 1000), 1001n);
});

test('near its end no more than half of what is left is given away', () => {
  const small = { ...rising, maxValue: 100n, lastValue: 90n };
  assert.equal(nextMark(small, null, 0), 95n);
  assert.equal(nextMark({ ...small, lastValue: 100n, mark: 95n }, made(95n, 90n), 0), 100n);
  assert.equal(nextMark({ ...small, lastValue: 100n, mark: 100n }, made(100n, 100n), 0), null);
});
