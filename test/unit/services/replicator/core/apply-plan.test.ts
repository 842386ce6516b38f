import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  planChanges,
  planOneByOne,
  type ApplyStep,
  type RowChange,
} from '../../../../../services/replicator/core/apply-plan.ts';
import type { Tuple } from '../../../../../shared/core/pgoutput/pgoutput-message.ts';
import { testColumn, testShape } from '../../../../helpers/replication/table-shapes.ts';

const shape = testShape('t', ['id', 'v']);
const other = testShape('o', ['id', 'v'], { id: 2 });
const keyless = testShape('k', ['a', 'b'], { id: 3, keyCount: 0 });

const insert = (row: Tuple, of = shape): RowChange => ({ kind: 'insert', shape: of, row });
const remove = (old: Tuple, of = shape): RowChange => ({ kind: 'delete', shape: of, old });
const update = (row: Tuple, old: Tuple = row, of = shape): RowChange => ({
  kind: 'update',
  shape: of,
  old,
  row,
});

function summary(steps: readonly ApplyStep[]): string[] {
  return steps.map((step) => {
    const count = step.kind === 'update' ? step.changes.length : step.rows.length;
    return `${step.kind} ${step.shape.name} ${count}`;
  });
}

const cases: readonly (readonly [string, readonly RowChange[], readonly string[]])[] = [
  ['inserts of one table go together', [insert(['1', 'a']), insert(['2', 'b'])], ['insert t 2']],
  [
    'tables do not disturb each other',
    [insert(['1', 'a']), insert(['1', 'a'], other), insert(['2', 'b'])],
    ['insert t 2', 'insert o 1'],
  ],
  [
    'a row that is put in and changed takes two statements',
    [insert(['1', 'a']), update(['1', 'b']), insert(['2', 'a']), update(['2', 'b'])],
    ['insert t 2', 'update t 2'],
  ],
  ['updates of one row become its last', [update(['1', 'a']), update(['1', 'b'])], ['update t 1']],
  [
    'trap 24: delete and insert of the same key keep their order',
    [remove(['1', null]), insert(['1', 'b'])],
    ['delete t 1', 'insert t 1'],
  ],
  [
    'trap 24: a key that comes back after a delete does not join the first inserts',
    [insert(['1', 'a']), remove(['1', null]), insert(['1', 'b'])],
    ['insert t 1', 'delete t 1', 'insert t 1'],
  ],
  [
    'a change of key is a statement of its own, later changes follow it',
    [update(['1', 'a']), update(['2', 'a'], ['1', 'a']), update(['2', 'b'])],
    ['update t 1', 'update t 1', 'update t 1'],
  ],
  [
    'without a key only inserts go together',
    [
      insert(['1', 'a'], keyless),
      insert(['1', 'a'], keyless),
      remove(['1', 'a'], keyless),
      remove(['1', 'a'], keyless),
      insert(['1', 'a'], keyless),
    ],
    ['insert k 2', 'delete k 1', 'delete k 1', 'insert k 1'],
  ],
];

for (const [name, changes, expected] of cases) {
  test(name, () => assert.deepEqual(summary(planChanges(changes, 100)), expected));
}

test('trap 19: an unchanged TOASTed value is not set, and such updates stay apart', () => {
  const steps = planChanges([update(['1', undefined]), update(['2', 'b'])], 100);
  assert.deepEqual(
    steps.map((step) => step.kind === 'update' && step.set),
    [[], [1]],
  );
});

test('trap 22: a GENERATED ALWAYS identity is set only when it changes', () => {
  const identity = testShape('i', [testColumn('id', { isIdentityAlways: true }), 'v']);
  const [same] = planOneByOne([update(['1', 'b'], ['1', 'a'], identity)]);
  const [moved] = planOneByOne([update(['2', 'b'], ['1', 'a'], identity)]);
  assert.deepEqual(
    [same, moved].map((step) => step?.kind === 'update' && step.set),
    [[1], [0, 1]],
  );
});

test('a statement takes at most the given number of rows', () => {
  const changes = Array.from({ length: 5 }, (_, index) => insert([String(index), 'a']));
  assert.deepEqual(summary(planChanges(changes, 2)), ['insert t 2', 'insert t 2', 'insert t 1']);
});

test('trap 35: keys of several columns are not mixed up', () => {
  const pair = testShape('p', ['a', 'b', 'v'], { keyCount: 2 });
  const changes = [
    update(['a,b', 'c', '1'], undefined, pair),
    update(['a', 'b,c', '2'], undefined, pair),
  ];
  assert.deepEqual(summary(planChanges(changes, 100)), ['update p 2']);
});

test('one by one keeps each change', () => {
  const steps = planOneByOne([insert(['1', 'a']), update(['1', 'b']), update(['1', 'c'])]);
  assert.deepEqual(summary(steps), ['insert t 1', 'update t 1', 'update t 1']);
});
