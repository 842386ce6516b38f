import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Relation } from '../../../../../shared/core/pgoutput/pgoutput-message.ts';
import { shapeOf, type TargetTable } from '../../../../../services/replicator/core/table-shape.ts';
import { testColumn } from '../../../../helpers/replication/table-shapes.ts';

function relation(
  identity: Relation['identity'],
  names: readonly string[],
  keys: readonly string[],
): Relation {
  const columns = names.map((name) => ({ name, isKey: keys.includes(name), typeOid: 25 }));
  return { oid: 1, schema: 'public', name: 't', identity, columns };
}

const table: TargetTable = {
  schema: 'public',
  name: 't',
  columns: [testColumn('b'), testColumn('a'), testColumn('g', { isGenerated: true })],
  primaryKey: ['a'],
  hasReplicaTriggers: false,
};

test('columns are joined by name, in the order of the log', () => {
  const outcome = shapeOf(relation('d', ['a', 'b'], ['a']), table, 7);
  assert.ok(outcome.kind === 'fits');
  assert.deepEqual(
    outcome.shape.columns.map(({ name }) => name),
    ['a', 'b'],
  );
  assert.deepEqual(outcome.shape.key, [0]);
});

test('trap 42: a column that is missing or exists only here is drift', () => {
  const missing = shapeOf(relation('d', ['a', 'b', 'c'], ['a']), table, 7);
  assert.ok(missing.kind === 'drifted');
  assert.match(missing.why, /column c is missing/);
  const extra = shapeOf(relation('d', ['a'], ['a']), table, 7);
  assert.ok(extra.kind === 'drifted');
  assert.match(extra.why, /column b exists only here/);
});

test('with identity FULL the primary key finds rows where there is one', () => {
  const outcome = shapeOf(relation('f', ['a', 'b'], ['a', 'b']), table, 7);
  assert.ok(outcome.kind === 'fits');
  assert.deepEqual(outcome.shape.key, [0]);
  const keyless = shapeOf(relation('f', ['a', 'b'], ['a', 'b']), { ...table, primaryKey: [] }, 7);
  assert.ok(keyless.kind === 'fits');
  assert.deepEqual(keyless.shape.key, []);
});
