import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isIdempotent,
  judgeRetry,
  parseRetryAfter,
  type AttemptFacts,
} from '../../../../../services/gateway/core/retry-policy.ts';

const rules = { attemptsMax: 3, statuses: [503], firstMs: 100, maxMs: 1000 };
const facts: AttemptFacts = {
  failure: { kind: 'no-head' },
  attempts: 1,
  isIdempotent: true,
  isReplayable: true,
  remainingMs: Infinity,
  draw: 0.5,
  takeBudget: () => true,
};
const status = (retryAfterMs: number | null) =>
  ({ kind: 'status', status: 503, retryAfterMs }) as const;

const rows: readonly { name: string; change: Partial<AttemptFacts>; want: string | number }[] = [
  { name: 'half of the first ceiling', change: {}, want: 50 },
  { name: 'the second ceiling is twice as high', change: { attempts: 2 }, want: 100 },
  { name: 'no attempt left', change: { attempts: 3 }, want: 'attempts' },
  { name: 'a POST that may have arrived', change: { isIdempotent: false }, want: 'unsafe' },
  {
    name: 'a POST that was never sent',
    change: { isIdempotent: false, failure: { kind: 'not-sent' } },
    want: 50,
  },
  { name: 'a body that is gone', change: { isReplayable: false }, want: 'body-gone' },
  { name: 'no time left', change: { remainingMs: 50 }, want: 'deadline' },
  { name: 'what the upstream asked for', change: { failure: status(700) }, want: 700 },
  { name: 'unless it is too long', change: { failure: status(5000) }, want: 'deadline' },
  { name: 'no budget left', change: { takeBudget: () => false }, want: 'budget' },
];

for (const { name, change, want } of rows) {
  test(name, () => {
    const verdict = judgeRetry({ ...facts, ...change }, rules);
    assert.equal(verdict.kind === 'retry' ? verdict.delayMs : verdict.why, want);
  });
}

test('the budget is asked last', () => {
  const takeBudget = (): boolean => assert.fail('asked');
  judgeRetry({ ...facts, attempts: 3, takeBudget }, rules);
});

test('idempotent methods, and any with a key', () => {
  assert.equal(isIdempotent('PUT', false), true);
  assert.equal(isIdempotent('POST', false), false);
  assert.equal(isIdempotent('POST', true), true);
});

test('Retry-After in seconds, as a date, as nonsense', () => {
  assert.equal(parseRetryAfter('2', 0), 2000);
  assert.equal(parseRetryAfter('Thu, 01 Jan 1970 00:00:05 GMT', 2000), 3000);
  assert.equal(parseRetryAfter('soon', 0), null);
  assert.equal(parseRetryAfter(undefined, 0), null);
});
