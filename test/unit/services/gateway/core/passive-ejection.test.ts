import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isEjected,
  neverEjected,
  recordOutcome,
  type EjectionState,
} from '../../../../../services/gateway/core/passive-ejection.ts';

const policy = { consecutiveFailures: 3, ejectionMs: 1000, ejectionMsMax: 3000 };

function after(outcomes: string, nowMs: number, from: EjectionState = neverEjected): EjectionState {
  return [...outcomes].reduce(
    (state, one) => recordOutcome(state, { ok: one === '+', mayEject: true, nowMs }, policy),
    from,
  );
}

test('failures in a row eject for a while, a success in between starts anew', () => {
  assert.equal(isEjected(after('--+--', 0), 1), false);
  const ejected = after('---', 0);
  assert.equal(isEjected(ejected, 999), true);
  assert.equal(isEjected(ejected, 1000), false);
});

test('each ejection is twice as long, up to the limit', () => {
  const second = after('---', 1000, after('---', 0));
  assert.equal(second.ejectedUntilMs, 3000);
  const third = after('---', 3000, second);
  assert.equal(third.ejectedUntilMs, 6000);
  assert.equal(after('+', 6001, third).ejections, 3, 'not forgotten at once');
  assert.equal(after('+', 9001, third).ejections, 0, 'forgotten after a quiet time');
});

test('nobody is ejected when too many are', () => {
  let state = neverEjected;
  for (let i = 0; i < 6; i += 1) {
    state = recordOutcome(state, { ok: false, mayEject: false, nowMs: 0 }, policy);
  }
  assert.equal(isEjected(state, 1), false);
});
