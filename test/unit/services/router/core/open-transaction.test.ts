import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  stepOpenTransaction,
  type OpenTransaction,
  type TransactionInput,
} from '../../../../../services/router/core/open-transaction.ts';

const bounds = { idleMs: 100, lifeMs: 1000 };
const idle: OpenTransaction = { kind: 'idle', openedMs: 0, sinceMs: 500 };
const running: OpenTransaction = { kind: 'running', openedMs: 0 };
const committing: OpenTransaction = { kind: 'committing' };
const over: OpenTransaction = { kind: 'ended', end: 'idle' };

const call = (kind: 'query' | 'commit' | 'rollback'): TransactionInput => ({
  kind: 'called',
  call: kind,
  nowMs: 510,
});
const moved: TransactionInput = { kind: 'interrupted', end: 'primaryMoved' };
const tick = (nowMs: number): TransactionInput => ({ kind: 'ticked', nowMs });

const rows: [string, OpenTransaction, TransactionInput, string, string][] = [
  ['a statement', idle, call('query'), 'running', 'run'],
  ['its answer', running, { kind: 'answered', nowMs: 520 }, 'idle', 'none'],
  ['a COMMIT', idle, call('commit'), 'committing', 'commit'],
  ['a ROLLBACK', idle, call('rollback'), 'ended rolledBack', 'rollBack'],
  ['a second statement meanwhile', running, call('query'), 'running', 'refuse busy'],
  ['a COMMIT while a statement runs', running, call('commit'), 'running', 'refuse busy'],
  ['a second COMMIT meanwhile', committing, call('commit'), 'committing', 'refuse busy'],
  ['a ROLLBACK of a COMMIT under way', committing, call('rollback'), 'committing', 'refuse busy'],
  ['a statement after the end', over, call('query'), 'ended idle', 'refuse ended'],
  ['not idle for long yet', idle, tick(599), 'idle', 'none'],
  ['idle for too long', idle, tick(600), 'ended idle', 'rollBack'],
  ['a statement may run for longer', running, tick(999), 'running', 'none'],
  ['open for too long', running, tick(1000), 'ended tooLong', 'cancel'],
  [
    'open for too long, and idle',
    { ...idle, sinceMs: 990 },
    tick(1000),
    'ended tooLong',
    'rollBack',
  ],
  ['a COMMIT takes as long as it takes', committing, tick(9999), 'committing', 'none'],
  ['the primary moves', idle, moved, 'ended primaryMoved', 'rollBack'],
  ['the primary moves under a statement', running, moved, 'ended primaryMoved', 'cancel'],
  ['the primary moves during a COMMIT', committing, moved, 'committing', 'none'],
  ['the first end counts', over, moved, 'ended idle', 'none'],
  [
    'a COMMIT is answered',
    committing,
    { kind: 'finished', end: 'committed' },
    'ended committed',
    'none',
  ],
  ['an answer after the end', over, { kind: 'answered', nowMs: 1 }, 'ended idle', 'none'],
  ['a loss after the end', over, { kind: 'finished', end: 'connectionLost' }, 'ended idle', 'none'],
];

for (const [name, state, input, next, effect] of rows) {
  test(name, () => {
    const stepped = stepOpenTransaction(state, input, bounds);
    const { state: to, effect: done } = stepped;
    assert.equal(to.kind === 'ended' ? `ended ${to.end}` : to.kind, next);
    assert.equal(done.kind === 'refuse' ? `refuse ${done.why}` : done.kind, effect);
  });
}

test('an answer starts the idle time anew, not the life', () => {
  const { state } = stepOpenTransaction(running, { kind: 'answered', nowMs: 700 }, bounds);
  assert.deepEqual(state, { kind: 'idle', openedMs: 0, sinceMs: 700 });
});
