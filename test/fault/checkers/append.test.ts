// test: light
/** The checker of transactions on lists: good histories pass, each known anomaly is found. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findAppendViolations } from './append.ts';
import { failed, op, unknown } from './sample-operation.ts';
import type { Access } from './transaction-graph.ts';
import type { Operation } from '../run/history.ts';

type Span = readonly [number, number];

describe('good histories of lists', () => {
  const good: [string, Operation[]][] = [
    ['one after the other', [tx([0, 1], 'x+1'), tx([2, 3], 'x=1', 'x+2'), tx([4, 5], 'x=1,2')]],
    ['at the same time, either order', [tx([0, 9], 'x+1'), tx([0, 9], 'x='), tx([0, 9], 'x=1')]],
    ['own appends are read', [tx([0, 1], 'x+1', 'x=1', 'x+2', 'x=1,2'), tx([2, 3], 'x=1,2')]],
    ['one that nobody was told of', [tx([0, 1], 'x+1', unknown), tx([2, 3], 'x=1')]],
    ['one that has not happened', [tx([0, 1], 'x+1', unknown), tx([2, 3], 'x=')]],
    ['one that happens late', [tx([0, 1], 'x+1', unknown), tx([2, 3], 'x='), tx([4, 5], 'x=1')]],
    ['one that failed', [tx([0, 1], 'x+1', failed), tx([2, 3], 'x=')]],
  ];
  for (const [name, history] of good) {
    it(`pass: ${name}`, () => assert.deepEqual(findAppendViolations(history), []));
  }
});

describe('bad histories of lists', () => {
  const bad: [string, Operation[], RegExp][] = [
    ['a lost append', [tx([0, 1], 'x+1'), tx([2, 3], 'x=')], /1 is missing/],
    ['an append done twice', [tx([0, 1], 'x+1'), tx([2, 3], 'x=1,1')], /there twice/],
    [
      'two orders of one list',
      [tx([0, 9], 'x+1'), tx([0, 9], 'x+2'), tx([0, 9], 'x=1,2'), tx([0, 9], 'x=2,1')],
      /no prefix/,
    ],
    ['an aborted read (G1a)', [tx([0, 1], 'x+1', failed), tx([2, 3], 'x=1')], /failed, yet/],
    ['an item from nowhere', [tx([2, 3], 'x=7')], /nobody wrote 7/],
    ['half of a transaction (G1b)', [tx([0, 9], 'x+1', 'x+2'), tx([0, 9], 'x=1')], /half/],
    [
      'appends in two orders (G0)',
      [tx([0, 9], 'x+1', 'y+1'), tx([0, 9], 'x+2', 'y+2'), tx([10, 11], 'x=1,2', 'y=2,1')],
      /no order: .*ww/,
    ],
    [
      'two that have seen each other (G1c)',
      [tx([0, 9], 'x+1', 'y=1'), tx([0, 9], 'y+1', 'x=1')],
      /no order: .*wr/,
    ],
    [
      'a read of half of what was written (G-single)',
      [tx([0, 9], 'x+1', 'y+1'), tx([0, 9], 'x=1', 'y='), tx([10, 11], 'y=1')],
      /no order: .*rw/,
    ],
    [
      'a lost update',
      [tx([0, 9], 'x=', 'x+1'), tx([0, 9], 'x=', 'x+2'), tx([10, 11], 'x=1,2')],
      /no order/,
    ],
    [
      'write skew (G2)',
      [...[tx([0, 9], 'x=', 'y+1'), tx([0, 9], 'y=', 'x+1')], ...[tx([10, 11], 'x=1', 'y=1')]],
      /no order: .*rw.*rw/,
    ],
    [
      'one that nobody was told of, seen and then not',
      [tx([0, 1], 'x+1', unknown), tx([2, 3], 'x=1'), tx([4, 5], 'x=')],
      /no order: .*rw/,
    ],
    [
      'what began later is seen, what had ended is not',
      [tx([0, 1], 'x+1'), tx([2, 3], 'y+1'), tx([0, 9], 'x=', 'y=1'), tx([10, 11], 'x=1')],
      /no order/,
    ],
  ];
  for (const [name, history, expected] of bad) {
    it(`are found: ${name}`, () => {
      assert.match(findAppendViolations(history).join('\n'), expected);
    });
  }
  it('are found in a long history', () => {
    const history = Array.from({ length: 3000 }, (_, n) => tx([2 * n, 2 * n + 1], `k${n}+1`));
    assert.deepEqual(findAppendViolations(history), []);
    const skew = [tx([1, 9999], 'k7=', 'k9=1'), tx([9998, 9999], 'k7=1')];
    assert.match(findAppendViolations([...history, ...skew]).join('\n'), /no order/);
  });
});

/** `x+1` appends 1 to list x; `x=1,2` has read 1 and 2. */
function tx(span: Span, ...words: (string | Partial<Operation>)[]): Operation {
  const more = words.find((word) => typeof word !== 'string') ?? {};
  const accesses = words.filter((word) => typeof word === 'string').map(accessOf);
  return op(['append', accesses, more === unknown ? null : accesses], span, more);
}

function accessOf(word: string): Access {
  const [, key = '', sign, text = ''] = /^(\w+)([+=])(.*)$/.exec(word) ?? [];
  if (sign === '+') return { kind: 'append', key, item: Number(text) };
  return { kind: 'read', key, items: text === '' ? [] : text.split(',').map(Number) };
}
