import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideRetry, type RetryFacts } from '../../../../services/client/retry-decision.ts';

const problem = { code: 'Draining', status: 503, detail: '', retry: 'same' } as const;
const facts: RetryFacts = {
  problem,
  isRepeatable: false,
  isWithin: false,
  attempt: 1,
  attemptsMax: 5,
  leftMs: 10_000,
  random: 1,
};
const unknown = { ...problem, code: 'CommitOutcomeUnknown', retry: 'never' } as const;

const rows: [string, Partial<RetryFacts>, string][] = [
  ['held too long: nothing was done', {}, 'again'],
  ['the last attempt', { attempt: 5 }, 'give-up'],
  ['no time left', { leftMs: 10 }, 'give-up'],
  ['an unknown outcome', { problem: unknown }, 'give-up'],
  ['an unknown outcome under a key', { problem: unknown, isRepeatable: true }, 'again'],
  ['a refused statement', { problem: { ...problem, code: 'StatementFailed' } }, 'give-up'],
  [
    'a refused statement under a key',
    { problem: { ...problem, code: 'StatementFailed' }, isRepeatable: true },
    'give-up',
  ],
  ['a deadlock', { problem: { ...problem, code: 'StatementFailed', sqlstate: '40P01' } }, 'again'],
  ['no reply to a write', { problem: { ...problem, code: 'NoReply' } }, 'give-up'],
  ['no reply to a read', { problem: { ...problem, code: 'NoReply' }, isRepeatable: true }, 'again'],
  ['a lost write', { problem: { ...problem, code: 'WriteLost' }, isRepeatable: true }, 'give-up'],
  ['too many requests, within a transaction', { isWithin: true }, 'again'],
  [
    'a call within a transaction that is over',
    { isWithin: true, problem: { ...problem, code: 'StaleEpoch', sqlstate: '40001' } },
    'give-up',
  ],
  [
    'a deadlock within a transaction: it is to be begun again',
    { isWithin: true, problem: { ...problem, code: 'StatementFailed', sqlstate: '40P01' } },
    'give-up',
  ],
  ['its COMMIT without a reply', { isWithin: true, isRepeatable: true, problem: unknown }, 'again'],
];

for (const [name, change, kind] of rows) {
  test(name, () => assert.equal(decideRetry({ ...facts, ...change }).kind, kind));
}

test('waits as long as the server says', () => {
  const decision = decideRetry({ ...facts, problem: { ...problem, retryAfterMs: 700 } });
  assert.equal(decision.kind === 'again' && decision.afterMs, 700);
});

test('goes elsewhere when nobody answered', () => {
  const silent = { ...problem, code: 'NoReply' };
  const decision = decideRetry({ ...facts, problem: silent, isRepeatable: true });
  assert.equal(decision.kind === 'again' && decision.isElsewhere, true);
});
