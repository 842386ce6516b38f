import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  nextCheckMs,
  recordCheck,
  type HealthState,
} from '../../../../../services/gateway/core/health-threshold.ts';

const thresholds = { healthyAfter: 2, unhealthyAfter: 3 };
const up: HealthState = { isHealthy: true, contrary: 0 };

const rows = [
  { name: 'two failures change nothing', from: up, results: '--', want: true },
  { name: 'three in a row do', from: up, results: '---', want: false },
  { name: 'a success in between starts anew', from: up, results: '--+--', want: true },
  { name: 'one success is not enough', from: up, results: '---+', want: false },
  { name: 'two are', from: up, results: '---++', want: true },
];

for (const { name, from, results, want } of rows) {
  test(name, () => {
    const end = [...results].reduce((state, r) => recordCheck(state, r === '+', thresholds), from);
    assert.equal(end.isHealthy, want);
  });
}

test('checks come faster while a change is in the air', () => {
  assert.equal(nextCheckMs(up, 10_000, 500), 10_000);
  assert.equal(nextCheckMs({ ...up, contrary: 1 }, 10_000, 500), 500);
  assert.equal(nextCheckMs({ ...up, contrary: 1 }, 100, 500), 100);
});
