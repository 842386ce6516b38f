import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { loadModule, parseSync } from 'libpg-query';
import {
  commandTagOf,
  type StatementNode,
} from '../../../../../services/replicator/core/command-tag.ts';

before(() => loadModule());

const tags: readonly (readonly [string, string | null])[] = [
  ['CREATE TABLE a (id int)', 'CREATE TABLE'],
  ['CREATE TABLE a AS SELECT 1', 'CREATE TABLE AS'],
  ['SELECT * INTO a FROM b', 'SELECT INTO'],
  ['SELECT * FROM b', null],
  ['INSERT INTO a VALUES (1)', null],
  ['CREATE MATERIALIZED VIEW a AS SELECT 1', 'CREATE MATERIALIZED VIEW'],
  ['REFRESH MATERIALIZED VIEW a', 'REFRESH MATERIALIZED VIEW'],
  ['ALTER TABLE a ADD b int', 'ALTER TABLE'],
  ['ALTER TABLE a RENAME b TO c', 'ALTER TABLE'],
  ['ALTER TABLE a RENAME TO c', 'ALTER TABLE'],
  ['ALTER TABLE a RENAME CONSTRAINT b TO c', 'ALTER TABLE'],
  ['ALTER VIEW a RENAME COLUMN b TO c', 'ALTER VIEW'],
  ['ALTER INDEX a RENAME TO c', 'ALTER INDEX'],
  ['ALTER MATERIALIZED VIEW a SET SCHEMA b', 'ALTER MATERIALIZED VIEW'],
  ['ALTER SEQUENCE a OWNER TO b', 'ALTER SEQUENCE'],
  ['ALTER SEQUENCE a INCREMENT 2', 'ALTER SEQUENCE'],
  ['ALTER TYPE a ADD VALUE $$x$$', 'ALTER TYPE'],
  ['ALTER TYPE a RENAME ATTRIBUTE b TO c', 'ALTER TYPE'],
  ['ALTER DOMAIN a DROP NOT NULL', 'ALTER DOMAIN'],
  ['ALTER DOMAIN a RENAME CONSTRAINT b TO c', 'ALTER DOMAIN'],
  ['CREATE TYPE a AS ENUM ($$x$$)', 'CREATE TYPE'],
  ['CREATE TYPE a AS (b int)', 'CREATE TYPE'],
  ['CREATE TYPE a AS RANGE (subtype = int)', 'CREATE TYPE'],
  ['CREATE AGGREGATE a (int) (sfunc = b, stype = int)', 'CREATE AGGREGATE'],
  ['CREATE FUNCTION a() RETURNS int LANGUAGE sql AS $$SELECT 1$$', 'CREATE FUNCTION'],
  ['CREATE PROCEDURE a() LANGUAGE sql AS $$SELECT 1$$', 'CREATE PROCEDURE'],
  ['ALTER FUNCTION a() STABLE', 'ALTER FUNCTION'],
  ['ALTER PROCEDURE a() OWNER TO b', 'ALTER PROCEDURE'],
  ['DROP TABLE a', 'DROP TABLE'],
  ['DROP MATERIALIZED VIEW a', 'DROP MATERIALIZED VIEW'],
  ['DROP TRIGGER a ON b', 'DROP TRIGGER'],
  ['DROP OPERATOR CLASS a USING btree', 'DROP OPERATOR CLASS'],
  ['DROP OWNED BY a', 'DROP OWNED'],
  ['CREATE UNIQUE INDEX CONCURRENTLY a ON b (c)', 'CREATE INDEX'],
  ['COMMENT ON TABLE a IS $$x$$', 'COMMENT'],
  ['GRANT SELECT ON a TO b', 'GRANT'],
  ['REVOKE SELECT ON a FROM b', 'REVOKE'],
  ['ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO b', 'ALTER DEFAULT PRIVILEGES'],
  ['CREATE POLICY a ON b', 'CREATE POLICY'],
  ['CREATE EXTENSION a', 'CREATE EXTENSION'],
  ['CREATE TEXT SEARCH DICTIONARY a (template = simple)', 'CREATE TEXT SEARCH DICTIONARY'],
];

for (const [sql, tag] of tags) {
  test(`${sql} is tagged ${String(tag)}`, () => {
    const { stmts } = parseSync(sql) as unknown as { stmts: { stmt: StatementNode }[] };
    assert.equal(commandTagOf(stmts[0]?.stmt ?? {}), tag);
  });
}
