import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { loadModule, parseSync } from 'libpg-query';
import { statementKindOf } from '../../../../../services/router/core/statement-kind.ts';

before(() => loadModule());

const reads: [string, string[]][] = [
  ['SELECT 1', []],
  ['SELECT * FROM t WHERE a BETWEEN 1 AND 2', []],
  ['SELECT count(*), s.f(x) FROM t', ['count', 's.f']],
  ['WITH a AS (SELECT now()) SELECT * FROM a', ['now']],
  ['SELECT nextval($1)', ['nextval']],
  ['SELECT * FROM generate_series(1, 3) AS g(i)', ['generate_series']],
  ['VALUES (1)', []],
  ['TABLE t', []],
  ['SHOW search_path', []],
  ['EXPLAIN SELECT lower(a) FROM t', ['lower']],
  ['SAVEPOINT a', []],
  ['ROLLBACK TO a', []],
  ['SET LOCAL search_path = x', []],
];
for (const [sql, functions] of reads) {
  test(`read: ${sql}`, () => {
    const kind = statementKindOf(parseSync(sql));
    assert.equal(kind.kind, 'read');
    if (kind.kind === 'read') assert.deepEqual(kind.functions, functions);
  });
}

const writes = [
  'INSERT INTO t VALUES (1)',
  'WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a',
  'SELECT * FROM t FOR UPDATE',
  'SELECT * FROM (SELECT * FROM t FOR SHARE) AS x',
  'SELECT 1 INTO t2',
  'EXPLAIN ANALYZE UPDATE t SET a = 1',
  'MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE',
  'CREATE TABLE x (a int)',
  'TRUNCATE t',
  'LOCK TABLE t',
  'CALL p()',
  'DO $$ BEGIN END $$',
  'REFRESH MATERIALIZED VIEW CONCURRENTLY v',
];
for (const sql of writes) {
  test(`write: ${sql}`, () => {
    const kind = statementKindOf(parseSync(sql));
    assert.equal(kind.kind, 'write');
    if (kind.kind === 'write') assert.equal(kind.isAlone, false);
  });
}

for (const sql of ['VACUUM t', 'CREATE INDEX CONCURRENTLY i ON t (a)', 'REINDEX TABLE t']) {
  test(`alone: ${sql}`, () => {
    const kind = statementKindOf(parseSync(sql));
    assert.equal(kind.kind === 'write' && kind.isAlone, true);
  });
}

const refusals = [
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'PREPARE TRANSACTION $$a$$',
  'SET ROLE other',
  'RESET ROLE',
  'SET SESSION AUTHORIZATION other',
  'SET synchronous_commit = off',
  'COPY t FROM STDIN',
  'SELECT 1; SELECT 2',
  '-- nothing but a comment',
];
for (const sql of refusals) {
  test(`refused: ${sql}`, () => {
    assert.equal(statementKindOf(parseSync(sql)).kind, 'refused');
  });
}

const leavesSomething: [string, boolean][] = [
  ['SET search_path = x', true],
  ['SET LOCAL search_path = x', false],
  ['SELECT set_config($1, $2, false)', true],
  ['SELECT pg_advisory_lock(1)', true],
  ['CREATE TEMP TABLE x (a int)', true],
  ['CREATE TABLE x (a int)', false],
  ['LISTEN a', true],
  ['SELECT lower(a) FROM t', false],
];
for (const [sql, expected] of leavesSomething) {
  test(`${expected ? 'touches' : 'leaves'} the session: ${sql}`, () => {
    const kind = statementKindOf(parseSync(sql));
    assert.equal(kind.kind !== 'refused' && kind.touchesSession, expected);
  });
}

test('operators are listed, keywords that look like them are not', () => {
  const kind = statementKindOf(parseSync('SELECT a FROM t WHERE a ~ $1 AND b NOT BETWEEN 1 AND 2'));
  assert.deepEqual(kind.kind === 'read' && kind.operators, ['~']);
});
