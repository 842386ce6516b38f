import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  HistoryChecker,
  type Read,
  type Vector,
} from '../../../../fault/histories/history-checker.ts';

/** Two sessions with two cells each. Session 0 wrote 1 to cell 0; session 1, who saw it, to 2. */
function afterTwoWrites(): HistoryChecker {
  const checker = new HistoryChecker(4, (cell) => Math.floor(cell / 2));
  checker.writing(0, 0, 1);
  checker.confirmed(0, { cell: 0, n: 1 }, 10);
  checker.read(readOf(1, [1, 0, 0, 0], 20));
  checker.writing(1, 2, 1);
  checker.confirmed(1, { cell: 2, n: 1 }, 30);
  return checker;
}

function readOf(session: number, seen: Vector, startedMs: number): Read {
  return { session, level: 'session', boundMs: 0, startedMs, seen };
}

const good: [string, Read][] = [
  ['everything', readOf(0, [1, 0, 1, 0], 40)],
  ['another session is behind', readOf(0, [1, 0, 0, 0], 40)],
  [
    'a strong read before the second write was confirmed',
    { ...readOf(0, [1, 0, 0, 0], 25), ...strong() },
  ],
  ['within the bound', { ...readOf(0, [1, 0, 0, 0], 40), ...bounded(20) }],
];

for (const [name, read] of good) {
  test(name, () => {
    const checker = afterTwoWrites();
    checker.read(read);
    assert.deepEqual(checker.violations, []);
  });
}

const bad: [string, Read, RegExp][] = [
  ['an own write is missing', readOf(0, [0, 0, 0, 0], 40), /own writes/],
  ['a session goes back', readOf(1, [0, 0, 1, 0], 40), /monotonic reads/],
  ['an effect without its cause', readOf(5, [0, 0, 1, 0], 40), /writes follow reads/],
  ['what nobody wrote', readOf(0, [1, 0, 9, 0], 40), /nobody wrote 9/],
  ['a stale strong read', { ...readOf(0, [1, 0, 0, 0], 31), ...strong() }, /strong/],
  ['beyond the bound', { ...readOf(0, [1, 0, 0, 0], 51), ...bounded(20) }, /bounded/],
  ['cells are missing', readOf(0, [1], 40), /other cells/],
];

for (const [name, read, expected] of bad) {
  test(`found: ${name}`, () => {
    const checker = afterTwoWrites();
    checker.read(read);
    assert.match(checker.violations.join('\n'), expected);
  });
}

test('found: a later write of a session without its earlier one', () => {
  const checker = afterTwoWrites();
  checker.writing(0, 1, 2);
  checker.read(readOf(5, [0, 2, 0, 0], 40));
  assert.match(checker.violations.join('\n'), /monotonic writes/);
});

function strong(): Partial<Read> {
  return { level: 'strong' };
}

function bounded(boundMs: number): Partial<Read> {
  return { level: 'bounded', boundMs };
}
