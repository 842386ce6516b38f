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

const pace = { intervalMs: 10_000, recheckMs: 500 };

test('checks come faster while a change is in the air', () => {
  assert.equal(nextCheckMs(up, pace), 10_000);
  assert.equal(nextCheckMs({ ...up, contrary: 1 }, pace), 500);
  assert.equal(nextCheckMs({ ...up, contrary: 1 }, { ...pace, intervalMs: 100 }), 100);
});

test('checks come faster while somebody else says otherwise', () => {
  assert.equal(nextCheckMs(up, pace, true), 500);
  assert.equal(nextCheckMs(up, { ...pace, intervalMs: 100 }, true), 100);
});
