/** Planned statements against a naive row-by-row apply: the same tables in the end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  planChanges,
  planOneByOne,
  type ApplyStep,
  type RowChange,
} from '../../../../../services/replicator/core/apply-plan.ts';
import type { ColumnValue, Tuple } from '../../../../../shared/core/pgoutput/pgoutput-message.ts';
import type { TableShape } from '../../../../../services/replicator/core/table-shape.ts';
import { testShape } from '../../../../helpers/replication/table-shapes.ts';

const shapes = [
  testShape('a', ['id', 'v', 'w'], { id: 1 }),
  testShape('b', ['x', 'y', 'v'], { id: 2, keyCount: 2 }),
];

/** Table name → key text → row. */
type Database = Map<number, Map<string, Tuple>>;

interface Wish {
  readonly table: number;
  readonly kind: 'insert' | 'update' | 'delete' | 'move';
  readonly pick: number;
  readonly key: readonly number[];
  readonly keeps: boolean;
}

const wish: fc.Arbitrary<Wish> = fc.record({
  table: fc.integer({ min: 0, max: 1 }),
  kind: fc.constantFrom('insert' as const, 'update' as const, 'delete' as const, 'move' as const),
  pick: fc.nat(),
  key: fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 })),
  keeps: fc.boolean(),
});

/** A history that PostgreSQL could have made: no wish meets a missing row or a key in use. */
function historyOf(wishes: readonly Wish[]): RowChange[] {
  const database: Database = new Map();
  const changes: RowChange[] = [];
  for (const [index, one] of wishes.entries()) {
    const shape = shapes[one.table] ?? shapes[0];
    if (shape === undefined) continue;
    const change = changeFor(shape, one, { rows: rowsOf(database, shape), index });
    if (change === null) continue;
    changes.push(change);
    for (const step of planOneByOne([change])) perform(database, step);
  }
  return changes;
}

function changeFor(
  shape: TableShape,
  one: Wish,
  now: { readonly rows: Map<string, Tuple>; readonly index: number },
): RowChange | null {
  const key = one.key.slice(0, shape.key.length).map(String);
  const values = shape.columns.slice(key.length).map((_, at) => `${now.index}-${at}`);
  const fresh: Tuple = [...key, ...values];
  const isTaken = now.rows.has(keyOf(shape, fresh));
  if (one.kind === 'insert') return isTaken ? null : { kind: 'insert', shape, row: fresh };
  const existing = [...now.rows.values()];
  const old = existing[one.pick % Math.max(1, existing.length)];
  if (old === undefined) return null;
  if (one.kind === 'delete') return { kind: 'delete', shape, old };
  const isMove = one.kind === 'move' && !isTaken;
  const row: ColumnValue[] = [...(isMove ? key : old.slice(0, key.length)), ...values];
  if (one.keeps) row[row.length - 1] = undefined;
  return { kind: 'update', shape, old, row };
}

function rowsOf(database: Database, shape: TableShape): Map<string, Tuple> {
  const rows = database.get(shape.id) ?? new Map<string, Tuple>();
  database.set(shape.id, rows);
  return rows;
}

function keyOf(shape: TableShape, tuple: Tuple): string {
  return JSON.stringify(shape.key.map((index) => tuple[index]));
}

/** What PostgreSQL does with a statement; asserts that every row is met exactly as planned. */
function perform(database: Database, step: ApplyStep): void {
  const rows = rowsOf(database, step.shape);
  if (step.kind === 'insert') {
    for (const row of step.rows) {
      assert.ok(!rows.has(keyOf(step.shape, row)), 'an insert meets a key in use');
      rows.set(keyOf(step.shape, row), row);
    }
    return;
  }
  if (step.kind === 'delete') {
    for (const old of step.rows) assert.ok(rows.delete(keyOf(step.shape, old)), 'no row to delete');
    return;
  }
  const seen = new Set<string>();
  for (const { old, row } of step.changes) {
    const key = keyOf(step.shape, old);
    assert.ok(!seen.has(key), 'one statement meets a row twice');
    seen.add(key);
    const before = rows.get(key);
    assert.ok(before !== undefined, 'no row to update');
    rows.delete(key);
    const next = before.map((value, index) => (step.set.includes(index) ? row[index] : value));
    assert.ok(!rows.has(keyOf(step.shape, next)), 'an update meets a key in use');
    rows.set(keyOf(step.shape, next), next);
  }
}

function stateOf(steps: readonly ApplyStep[]): unknown {
  const database: Database = new Map();
  for (const step of steps) perform(database, step);
  return [...database]
    .map(([id, rows]) => [id, [...rows].sort(([a], [b]) => (a < b ? -1 : 1))])
    .filter(([, rows]) => (rows as unknown[]).length > 0)
    .sort(([a], [b]) => Number(a) - Number(b));
}

test('trap 24: grouped statements leave the same rows as one by one, for any group size', () => {
  fc.assert(
    fc.property(
      fc.array(wish, { maxLength: 60 }),
      fc.integer({ min: 1, max: 1000 }),
      (wishes, rowsMax) => {
        const changes = historyOf(wishes);
        assert.deepEqual(stateOf(planChanges(changes, rowsMax)), stateOf(planOneByOne(changes)));
      },
    ),
    { numRuns: 500 },
  );
});
