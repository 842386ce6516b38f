import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  arrivalAt,
  arrivalDueMs,
  arrivalsDue,
} from '../../../../../services/cli/core/workload-plan.ts';

const shape = { regions: 3, cities: 171_075 };
const numbers = Array.from({ length: 10_000 }, (_, index) => index);

test('the same arrival every time, with a city that exists', () => {
  for (const number of numbers) {
    const arrival = arrivalAt(1, number, shape);
    assert.deepEqual(arrivalAt(1, number, shape), arrival);
    assert.ok(arrival.cityId >= 1 && arrival.cityId <= shape.cities);
  }
});

test('a tenth are writes, a fifth strong reads, the rest eventual', () => {
  const kinds = Map.groupBy(
    numbers.map((number) => arrivalAt(0, number, shape).kind),
    (kind) => kind,
  );
  assert.equal(kinds.get('write')?.length, 1000);
  assert.equal(kinds.get('strong')?.length, 2000);
  assert.equal(kinds.get('eventual')?.length, 7000);
});

test('a write is read back in every other region, never in its own', () => {
  const readIn = new Set<number>();
  for (const number of numbers) {
    const arrival = arrivalAt(2, number, shape);
    if (arrival.kind === 'write') readIn.add(arrival.readIn);
  }
  assert.deepEqual([...readIn].sort(), [0, 1]);
});

test('with one region it is read back there', () => {
  const arrival = arrivalAt(0, 3, { regions: 1, cities: 5 });
  assert.equal(arrival.kind === 'write' ? arrival.readIn : null, 0);
});

test('arrivals are due by time alone', () => {
  const steady = { perSecond: 200, risingMs: 0 };
  assert.deepEqual(
    [0, 4, 5, 1000].map((ms) => arrivalsDue(ms, steady)),
    [0, 0, 1, 200],
  );
});

test('a rising rate reaches its height evenly and stays there', () => {
  const rising = { perSecond: 200, risingMs: 2000 };
  assert.deepEqual(
    [0, 1000, 2000, 3000].map((ms) => arrivalsDue(ms, rising)),
    [0, 50, 200, 400],
  );
});

test('an arrival is due at the moment from which it is counted', () => {
  for (const risingMs of [0, 500, 2000]) {
    const schedule = { perSecond: 200, risingMs };
    for (let number = 1; number <= 600; number += 7) {
      const dueMs = arrivalDueMs(number, schedule);
      assert.equal(arrivalsDue(dueMs + 0.001, schedule), number);
      assert.equal(arrivalsDue(dueMs - 0.001, schedule), number - 1);
    }
  }
});
