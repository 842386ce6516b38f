import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { Deadlines } from '../../../../../services/gateway/io/deadlines.ts';

test('a deadline is told once, soon after it has passed; a forgotten one never', () => {
  mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 1000;
  const deadlines = new Deadlines({ monotonicMs: () => nowMs, wallMs: () => 0 });
  const pass = (ms: number): void => {
    nowMs += ms;
    mock.timers.tick(ms);
  };
  const told: string[] = [];
  const due = (name: string, inMs: number) => ({
    deadlineMs: nowMs + inMs,
    onDeadline: () => void told.push(name),
  });
  const forgotten = due('forgotten', 50);
  for (const one of [due('late', 500), due('soon', 50), forgotten]) deadlines.watch(one);
  deadlines.forget(forgotten);
  pass(40);
  assert.deepEqual(told, []);
  pass(40);
  assert.deepEqual(told, ['soon']);
  pass(1000);
  assert.deepEqual(told, ['soon', 'late']);
  pass(100);
  deadlines.watch(due('after a rest', 10));
  pass(40);
  assert.deepEqual(told, ['soon', 'late', 'after a rest']);
  mock.timers.reset();
});
