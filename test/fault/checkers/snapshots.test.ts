// test: light
/** The checkers of snapshots and of schema changes: good histories pass, bad ones are found. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failed, op, unknown } from './sample-operation.ts';
import { findReusedNumbers, findSchemaViolations, type SchemaFacts } from './schema.ts';
import { findSnapshotViolations, findWrongTotals } from './snapshots.ts';
import type { Operation } from '../run/history.ts';

describe('bank', () => {
  it('finds a snapshot that shows half of a transfer', () => {
    const good = op(['total', null, 600], [0, 1]);
    assert.deepEqual(findWrongTotals([good, { ...good, output: 7, ...unknown }], 600), []);
    assert.equal(findWrongTotals([good, { ...good, output: 580 }], 600).length, 1);
    assert.equal(findWrongTotals([{ ...good, output: null }], 600).length, 1);
  });
});

describe('snapshots of counters', () => {
  const write = (name: 'raise' | 'apart', value: number, times: [number, number]): Operation =>
    op([name, null, value], times);
  const see = (cause: number, effect: number, apart: number): Operation =>
    op(['pair', null, { cause, effect, apart }], [50, 51]);
  const good: [string, Operation[]][] = [
    ['moments of one history', [see(1, 0, 0), see(1, 1, 0), see(1, 1, 1), see(0, 0, 0)]],
    [
      'writes at the same time',
      [write('raise', 1, [0, 9]), write('apart', 1, [5, 6]), see(0, 0, 1)],
    ],
    ['a write that nobody was told of', [op(['raise', null, null], [0, 1], unknown), see(1, 0, 0)]],
  ];
  for (const [name, history] of good) {
    it(`pass: ${name}`, () => assert.deepEqual(findSnapshotViolations(history), []));
  }
  it('leave out what a standby has seen of an end that is void, and nothing else', () => {
    const cuts = [{ epoch: 2, cut: { epoch: 1, lsn: 0x30n } }];
    const seen = (position: string): Operation[] => [
      { ...see(1, 1, 0), position },
      { ...see(2, 0, 1), position: '2:0/10' },
    ];
    assert.deepEqual(findSnapshotViolations(seen('1:0/31'), cuts), []);
    assert.match(findSnapshotViolations(seen('1:0/30'), cuts).join('\n'), /seen in two orders/);
  });
  it('take a node whose reply names no position for no further back than it was', () => {
    const cuts = [{ epoch: 2, cut: { epoch: 1, lsn: 0x30n } }];
    const later = { ...see(2, 0, 1), position: '2:0/10', servedBy: 'other' };
    const named = (position: string): Operation => ({ ...see(1, 1, 0), position });
    const unnamed = { ...see(1, 1, 0), endedMs: 60 };
    assert.deepEqual(findSnapshotViolations([named('1:0/31'), unnamed, later], cuts), []);
    assert.match(findSnapshotViolations([unnamed, later], cuts).join('\n'), /in two orders/);
  });
  const [first, second] = [write('raise', 1, [0, 1]), write('apart', 1, [2, 3])];
  const bad: [string, Operation[], RegExp][] = [
    ['an effect without its cause', [see(1, 2, 0)], /without its cause/],
    ['a long fork', [see(1, 0, 0), see(0, 0, 1)], /seen in two orders/],
    ['a causal reverse', [first, second, see(0, 0, 1)], /is seen, .* is not/],
    ['a causal reverse among many', [first, second, see(1, 0, 1), see(0, 0, 1)], /is not/],
  ];
  for (const [name, history, expected] of bad) {
    it(`finds ${name}`, () => assert.match(findSnapshotViolations(history).join('\n'), expected));
  }
});

describe('schema changes', () => {
  const sizes = { rowsOfTable: 2, rowsOfBatch: 3 };
  const history = [
    op(['number', null, 1], [0, 1]),
    op(['make', null, null], [0, 1], { key: 'made_1' }),
    op(['refill', 1, null], [0, 1]),
    op(['refill', 2, null], [2, 3]),
    op(['batch', null, [[2, 3]]], [4, 5]),
    op(['batch', null, []], [4, 5]),
    op(['refill', 3, null], [6, 7], unknown),
  ];
  const whole: SchemaFacts = {
    numbers: new Set([1]),
    tables: new Map([['made_1', 2]]),
    batches: new Map([[2, 3]]),
  };
  it('a whole schema passes, with or without what nobody was told of', () => {
    assert.deepEqual(findReusedNumbers(history), []);
    assert.deepEqual(findSchemaViolations(history, whole, sizes), []);
    const later = { ...whole, batches: new Map([[3, 3]]) };
    assert.deepEqual(findSchemaViolations(history, later, sizes), []);
  });
  it('finds a number that was given twice', () => {
    const again = op(['number', null, 1], [8, 9]);
    assert.equal(findReusedNumbers([...history, again]).length, 1);
  });
  const failedTable = op(['make', null, null], [0, 1], { key: 'made_1', ...failed });
  const pieces = [
    [1, 3],
    [2, 3],
  ] as const;
  const two = new Map(pieces);
  const torn = op(['batch', null, pieces], [4, 5]);
  const bad: [string, Partial<SchemaFacts>, RegExp, Operation?][] = [
    ['a lost number', { numbers: new Set() }, /lost number 1/],
    ['a lost table', { tables: new Map() }, /lacks table made_1/],
    ['half a table', { tables: new Map([['made_1', 1]]) }, /made_1 has 1 rows/],
    ['a failed table', {}, /failed, yet there/, failedTable],
    ['a truncation that was lost', { batches: new Map([[1, 3]]) }, /batch 2 was the last one/],
    ['a refill that was lost', { batches: new Map() }, /there is: nothing/],
    ['a truncation without its refill', { batches: new Map([[2, 1]]) }, /1 rows of batch 2/],
    ['two batches', { batches: two }, /of batch 1, 3 rows/],
    ['a batch from nowhere', { batches: new Map([[9, 3]]) }, /batch 9/],
    ['a snapshot of two batches', {}, /in pieces/, torn],
  ];
  for (const [name, facts, expected, more] of bad) {
    it(`finds ${name}`, () => {
      const all = more === undefined ? history : [...history, more];
      const found = findSchemaViolations(all, { ...whole, ...facts }, sizes);
      assert.match(found.join('\n'), expected);
    });
  }
});
