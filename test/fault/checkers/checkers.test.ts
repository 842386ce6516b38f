// test: light
/** The checkers themselves: good histories pass, each kind of bad one is found. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isLinearizable } from './linearizable.ts';
import { findLossViolations } from './reported-loss.ts';
import { findSessionViolations } from './session.ts';
import { findStaleReads } from './staleness.ts';
import { findSetViolations } from './unique-set.ts';
import { findWritableEpochViolations } from './writable-epochs.ts';
import type { Operation } from '../run/history.ts';
import { failed, op, unknown } from './sample-operation.ts';

const nothing = { found: [], reported: [] };

describe('linearizable register', () => {
  const write = op(['write', 1, null], [0, 10]);
  const good: [string, Operation[]][] = [
    ['a read beside a write sees either', [write, op(['read', null, null], [5, 6])]],
    ['a read after a write sees it', [write, op(['read', null, 1], [11, 12])]],
    [
      'a write of unknown outcome may take effect late',
      [
        op(['write', 2, null], [0, 1], unknown),
        op(['read', null, null], [2, 3]),
        op(['read', null, 2], [4, 5]),
      ],
    ],
    [
      'a swap hits what is there',
      [write, op(['cas', [1, 3], true], [11, 12]), op(['read', null, 3], [13, 14])],
    ],
  ];
  for (const [name, history] of good) it(name, () => assert.equal(isLinearizable(history), true));
  const bad: [string, Operation[]][] = [
    ['a stale read', [write, op(['read', null, null], [11, 12])]],
    [
      'a value that vanishes again',
      [
        op(['write', 2, null], [0, 1], unknown),
        op(['read', null, 2], [2, 3]),
        op(['read', null, null], [4, 5]),
      ],
    ],
    [
      'two swaps of the same value',
      [write, op(['cas', [1, 3], true], [11, 12]), op(['cas', [1, 4], true], [11, 12])],
    ],
    ['a value that nobody wrote', [op(['read', null, 9], [0, 1])]],
  ];
  for (const [name, history] of bad) {
    it(`finds ${name}`, () => assert.equal(isLinearizable(history), false));
  }
  const many = Array.from({ length: 30 }, (_, index) =>
    op(['write', 100 + index, null], [index, index + 1], unknown),
  );
  const missed = op(['cas', [1, 3], false], [40, 41]);
  it('writes that nobody saw explain a swap that missed, quickly', () => {
    assert.equal(isLinearizable([write, ...many, missed]), true);
  });
  it('finds a value that is back after one that nobody saw', () => {
    const reads = [op(['read', null, 1], [35, 36]), op(['read', null, 1], [45, 46])];
    assert.equal(isLinearizable([write, ...many, ...reads]), true);
    assert.equal(isLinearizable([write, ...many, ...reads, missed]), false);
  });
  it('finds a swap that missed although nothing else was written', () => {
    const late = op(['write', 100, null], [50, 51], unknown);
    assert.equal(isLinearizable([write, late, missed]), false);
  });
  it('a failed write has not happened', () => {
    const late = op(['read', null, 1], [11, 12]);
    assert.equal(isLinearizable([{ ...write, ...failed }, late]), false);
  });
});

describe('sessions', () => {
  const write = op(['write', 2, null], [0, 1]);
  it('own writes and monotonic reads pass', () => {
    const reads = [op(['read', null, 2], [2, 3]), op(['read', null, 2], [4, 5])];
    assert.deepEqual(findSessionViolations([write, ...reads]), []);
  });
  it('finds a missed own write, a read that goes back, a value from nowhere', () => {
    assert.equal(findSessionViolations([write, op(['read', null, 1], [2, 3])]).length, 1);
    const back = [op(['read', null, 2], [2, 3]), op(['read', null, 1], [4, 5])];
    assert.equal(findSessionViolations([{ ...write, ...unknown }, ...back]).length, 1);
    assert.equal(findSessionViolations([op(['read', null, 1], [2, 3])]).length, 1);
  });
  it('what was only read may be lost once WriteLost was told, what was confirmed may not', () => {
    const seen = [
      { ...op(['write', 3, null], [2, 3]), ...unknown },
      op(['read', null, 3], [4, 5]),
      { ...op(['read', null, null], [6, 7]), ...failed, code: 'WriteLost' },
    ];
    assert.deepEqual(findSessionViolations([write, ...seen, op(['read', null, 2], [8, 9])]), []);
    const back = [write, ...seen, op(['read', null, 1], [8, 9])];
    assert.equal(findSessionViolations(back).length, 1);
  });
});

describe('unique rows', () => {
  const insert = op(['insert', null, null], [0, 1], { key: 'a' });
  it('finds lost, doubled and refused ones', () => {
    assert.deepEqual(findSetViolations([insert], ['a']), []);
    assert.deepEqual(findSetViolations([{ ...insert, ...unknown }], []), []);
    assert.equal(findSetViolations([insert], []).length, 1);
    assert.equal(findSetViolations([insert], ['a', 'a']).length, 1);
    assert.equal(findSetViolations([{ ...insert, ...failed }], ['a']).length, 1);
  });
});

describe('bounded staleness', () => {
  it('finds a read older than its bound', () => {
    const beat = op(['beat', 7, null], [0, 100]);
    assert.equal(findStaleReads([beat, op(['read', 500, 6], [601, 602])]).length, 1);
    assert.deepEqual(findStaleReads([beat, op(['read', 500, 6], [599, 700])]), []);
    assert.deepEqual(findStaleReads([beat, op(['read', 500, 7], [601, 602])]), []);
  });
});

describe('rows that wait for nobody', () => {
  const insert = op(['insert', null, null], [0, 1], { key: 'a' });
  const row = { id: 'a', confirmed: 'unknown' };
  it('there or reported passes', () => {
    assert.deepEqual(findLossViolations([insert], { found: ['a'], reported: [] }), []);
    assert.deepEqual(findLossViolations([insert], { found: [], reported: [row] }), []);
    assert.deepEqual(findLossViolations([{ ...insert, ...unknown }], nothing), []);
  });
  const both = { found: ['a'], reported: [row] };
  const twice = { found: [], reported: [row, row] };
  const denied = { found: [], reported: [{ ...row, confirmed: 'no' }] };
  const other = { found: [], reported: [row, { ...row, id: 'b' }] };
  const bad: [string, Operation, Parameters<typeof findLossViolations>[1], RegExp][] = [
    ['a lost tail that is not reported', insert, nothing, /lost, and not reported/],
    ['a reported row that is there', insert, both, /reported as lost, yet there/],
    ['a row reported twice', insert, twice, /reported 2 times/],
    ['a confirmed one that is called unconfirmed', insert, denied, /reported as no/],
    ['a row that nobody wrote', insert, other, /nobody wrote/],
    ['a failed one that happened', { ...insert, ...failed }, both, /failed, yet it happened/],
  ];
  for (const [name, operation, facts, expected] of bad) {
    it(`finds ${name}`, () => {
      assert.match(findLossViolations([operation], facts).join('\n'), expected);
    });
  }
});

describe('writable epochs', () => {
  const write = (epoch: number, times: readonly [number, number], servedBy = 'r'): Operation =>
    op(['write', 1, null], times, { epoch, servedBy });
  it('one after the other passes, and a reply that was long under way', () => {
    const history = [write(1, [0, 10]), write(2, [5, 6]), write(2, [11, 12])];
    assert.deepEqual(findWritableEpochViolations(history), []);
  });
  it('a reply that tells no position of its own says nothing', () => {
    const silent = op(['write', 1, null], [11, 12], { epoch: null });
    assert.deepEqual(findWritableEpochViolations([write(2, [0, 1]), silent]), []);
  });
  it('finds an older epoch that still writes, and two regions in one epoch', () => {
    const late = findWritableEpochViolations([write(2, [0, 1]), write(1, [2, 3])]);
    assert.match(late.join('\n'), /two epochs/);
    const shared = findWritableEpochViolations([write(1, [0, 1], 'a'), write(1, [2, 3], 'b')]);
    assert.match(shared.join('\n'), /epoch 1 took writes in a and b/);
  });
});
