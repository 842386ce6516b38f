import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifier, join, sql } from '../../../../services/client/sql-template.ts';

test('values become parameters', () => {
  const name = "x'; DROP TABLE t; --";
  assert.deepEqual(sql`SELECT * FROM t WHERE a = ${1} AND b = ${name}`.toStatement(), {
    sql: 'SELECT * FROM t WHERE a = $1 AND b = $2',
    params: [1, name],
  });
});

test('fragments nest and keep counting', () => {
  const where = sql`a > ${1} AND b < ${2}`;
  const statement = sql`UPDATE ${identifier('s', 'a"b')} SET c = ${0} WHERE ${where}`.toStatement();
  assert.deepEqual(statement, {
    sql: 'UPDATE "s"."a""b" SET c = $1 WHERE a > $2 AND b < $3',
    params: [0, 1, 2],
  });
});

test('lists', () => {
  const rows = [1, 2].map((id) => sql`(${id}, ${'x'})`);
  assert.equal(
    sql`INSERT INTO t VALUES ${join(rows)}`.toStatement().sql,
    'INSERT INTO t VALUES ($1, $2), ($3, $4)',
  );
  assert.deepEqual(join([]).toStatement(), { sql: '', params: [] });
});
