import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statementOf } from '../../../../../services/replicator/core/apply-sql.ts';
import { testColumn, testShape } from '../../../../helpers/replication/table-shapes.ts';

const shape = testShape('odd"name', [testColumn('id', { type: 'integer' }), 'v']);
const key = '"id" OPERATOR(pg_catalog.=)';

test('one row is put in by parameters, identity values included', () => {
  const statement = statementOf({ kind: 'insert', shape, rows: [['1', null]] });
  assert.equal(
    statement.text,
    'INSERT INTO "public"."odd""name" ("id", "v") OVERRIDING SYSTEM VALUE VALUES ($1, $2)',
  );
  assert.deepEqual(statement.values, ['1', null]);
  assert.equal(statement.expectedRows, 1);
});

test('several rows travel as one text array per column and are cast in SQL', () => {
  const rows = [
    ['1', 'a'],
    ['2', null],
  ];
  const statement = statementOf({ kind: 'insert', shape, rows });
  assert.match(
    statement.text,
    /SELECT v\.c0::integer, v\.c1::text FROM unnest\(\$1::text\[\], \$2::text\[\]\)/,
  );
  assert.deepEqual(statement.values, [
    ['1', '2'],
    ['a', null],
  ]);
  assert.equal(statement.expectedRows, 2);
});

test('a row is found by its key', () => {
  const statement = statementOf({ kind: 'delete', shape, rows: [['1', 'a']] });
  assert.ok(statement.text.endsWith(`WHERE t.${key} $1::text::integer`));
  assert.deepEqual(statement.values, ['1']);
});

test('updates of several rows join by key', () => {
  const changes = ['1', '2'].map((id) => ({ old: [id, 'a'], row: [id, 'b'] }));
  const statement = statementOf({ kind: 'update', shape, set: [1], changes });
  assert.match(statement.text, /SET "v" = v\.c0::text FROM unnest/);
  assert.ok(statement.text.endsWith(`WHERE t.${key} v.c1::integer`));
  assert.deepEqual(statement.values, [
    ['b', 'b'],
    ['1', '2'],
  ]);
});

test('trap 21: without a key exactly one equal row is found, compared as text', () => {
  const keyless = testShape('k', ['a', testColumn('j', { type: 'json' })], { keyCount: 0 });
  const statement = statementOf({ kind: 'delete', shape: keyless, rows: [[null, '{}']] });
  assert.match(statement.text, /\(t\.tableoid, t\.ctid\) = \(SELECT .* LIMIT 1\)/);
  assert.match(
    statement.text,
    /s\."a" IS NULL AND s\."j"::text COLLATE "C" = \(\$1::text::json\)::text/,
  );
  assert.deepEqual(statement.values, ['{}']);
});

test('a changed GENERATED ALWAYS identity puts the row in anew', () => {
  const identity = testShape('i', [
    testColumn('id', { type: 'bigint', isIdentityAlways: true }),
    'v',
  ]);
  const change = { old: ['1', 'a'], row: ['2', undefined] };
  const { text, values } = statementOf({
    kind: 'update',
    shape: identity,
    set: [0],
    changes: [change],
  });
  assert.match(
    text,
    /^WITH d AS \(DELETE .* RETURNING \*\) INSERT .* SELECT \$1::text::bigint, d\."v" FROM d$/,
  );
  assert.deepEqual(values, ['2', '1']);
});

test('an update that sets nothing still touches its row', () => {
  const statement = statementOf({
    kind: 'update',
    shape,
    set: [],
    changes: [{ old: ['1'], row: ['1'] }],
  });
  assert.match(statement.text, /SET "id" = t\."id" WHERE/);
});

test('trap 23: a generated column is computed here, and never written', () => {
  const generated = testShape('g', ['id', testColumn('twice', { isGenerated: true }), 'v']);
  const rows = [['1', '2', 'a']];
  const insert = statementOf({ kind: 'insert', shape: generated, rows });
  assert.match(insert.text, /\("id", "v"\) OVERRIDING SYSTEM VALUE VALUES \(\$1, \$2\)$/);
  assert.deepEqual(insert.values, ['1', 'a']);
});

test('a change of a table leaves the tables that inherit from it alone', () => {
  const change = { old: ['1', 'a'], row: ['1', 'b'] };
  const update = statementOf({ kind: 'update', shape, set: [1], changes: [change] });
  assert.match(update.text, /^UPDATE ONLY "public"/);
  const keyless = testShape('k', ['v'], { keyCount: 0 });
  const removal = statementOf({ kind: 'delete', shape: keyless, rows: [['a']] });
  assert.match(removal.text, /^DELETE FROM ONLY .* FROM ONLY "public"."k" AS s /);
});
