// test: alone deadline 900 s
/**
 * Three regions on PostgreSQL 17, which their cluster files name as `postgres.home`: they write,
 * read, make extensions, switch over, lose their primary and are equal in the end.
 * `local/postgres-17-parts.long.test.ts` runs the tests of types, DDL, slots, copies and adoption.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { parse, stringify } from 'yaml';
import { olderPostgres } from '../../../infra/scripts/older-parts.mjs';
import { eventually } from '../../helpers/eventually.ts';
import { SecuredHosts } from '../security/hosts.ts';
import { statusOf } from './cluster-status.ts';
import { changesOf, isWhole } from './rolling-exchange.ts';

const regions = ['eu-west', 'us-east', 'ap-south'];
const home = olderPostgres('17');
let hosts: SecuredHosts;

before(async () => {
  hosts = await SecuredHosts.make(regions);
  for (const region of regions) {
    const file = hosts.fileOf(region, 'meridian.yaml');
    const cluster = parse(readFileSync(file, 'utf8')) as { regions: { postgres?: object }[] };
    for (const one of cluster.regions) one.postgres = { home };
    writeFileSync(file, stringify(cluster));
  }
  for (const region of regions) hosts.up(region);
  await isWhole(hosts, regions);
});

after(async () => hosts?.remove());

async function rowsAt(region: string, sql: string, consistency: string): Promise<unknown> {
  const { body } = await hosts.query(region, sql, consistency);
  return (body as { rows: unknown }).rows;
}

test('doctor and every node say that it is 17', async () => {
  const { out } = await hosts.run('eu-west', ['doctor', 'eu-west']);
  assert.match(out, /^ok +programs +PostgreSQL 17 in /m);
  assert.match(out, /^ok +postgres eu-west\/pg-1 +version 17\.\d+, settings as they must be/m);
  for (const region of regions) {
    const sql = `SELECT current_setting('server_version_num')::int / 10000 AS major`;
    assert.deepEqual(await rowsAt(region, sql, 'eventual'), [{ major: 17 }], region);
  }
});

test('writes are read in every region, keys over generated columns and none included', async () => {
  for (const sql of [
    `CREATE TABLE note (id int PRIMARY KEY, body text,
       size int GENERATED ALWAYS AS (id * 2) STORED)`,
    `CREATE TABLE half (n int, v text, h int GENERATED ALWAYS AS (n / 2) STORED,
       PRIMARY KEY (v, h))`,
    'CREATE TABLE keyless (j json, n int, twice int GENERATED ALWAYS AS (n * 2) STORED)',
    `INSERT INTO note SELECT g, 'note ' || g FROM generate_series(1, 100) g`,
    `INSERT INTO half SELECT g * 2, 'x' FROM generate_series(1, 100) g`,
    `INSERT INTO keyless SELECT '{}', g FROM generate_series(1, 100) g`,
    'UPDATE note SET id = id + 1000 WHERE id > 90',
    `UPDATE half SET n = n + 1, v = 'y' WHERE h % 2 = 0`,
    'UPDATE keyless SET n = -n WHERE n > 50',
    'DELETE FROM note WHERE size < 20',
    'DELETE FROM half WHERE h = 7',
    'DELETE FROM keyless WHERE twice = 10',
  ]) {
    await hosts.query('ap-south', sql);
  }
  const sums = `SELECT (SELECT sum(size) FROM note) AS a, (SELECT sum(h) FROM half) AS b,
    (SELECT sum(twice) FROM keyless) AS c`;
  const expected = await rowsAt('eu-west', sums, 'strong');
  for (const region of regions) {
    assert.deepEqual(await rowsAt(region, sums, 'strong'), expected, region);
  }
  const verified = await hosts.run('us-east', ['verify']);
  assert.equal(verified.code, 0, verified.out + verified.err);
});

test('extensions are made, used and dropped in every region', async () => {
  for (const sql of [
    'CREATE EXTENSION hstore',
    `CREATE EXTENSION pg_trgm VERSION '1.3'`,
    'ALTER EXTENSION pg_trgm UPDATE',
    'CREATE EXTENSION citext',
    'CREATE EXTENSION isn',
    'CREATE TABLE page (name citext PRIMARY KEY, facts hstore, body text)',
    'CREATE INDEX page_body ON page USING gin (body gin_trgm_ops)',
    `INSERT INTO page VALUES ('One', 'a=>1', 'the first'), ('Two', NULL, 'the second')`,
    `UPDATE page SET facts = facts || 'b=>2' WHERE name = 'ONE'`,
    `DELETE FROM page WHERE name = 'two'`,
    'DROP EXTENSION isn',
  ]) {
    await hosts.query('ap-south', sql);
  }
  const made = `SELECT extname || ' ' || extversion AS extension FROM pg_extension
    WHERE extname <> 'plpgsql' ORDER BY 1`;
  const rows = `SELECT name::text, facts::text FROM page WHERE body LIKE '%first%'`;
  const expected = await rowsAt('eu-west', made, 'strong');
  assert.deepEqual(expected, [
    { extension: 'citext 1.6' },
    { extension: 'hstore 1.8' },
    { extension: 'pg_trgm 1.6' },
  ]);
  const page = [{ name: 'One', facts: '"a"=>"1", "b"=>"2"' }];
  // Each region answers for itself, once it has what was written last.
  for (const region of regions) {
    await eventually(
      async () =>
        isDeepStrictEqual(await rowsAt(region, made, 'eventual'), expected) &&
        isDeepStrictEqual(await rowsAt(region, rows, 'eventual'), page),
      { deadlineMs: 20_000, intervalMs: 200 },
    );
  }
  const verified = await hosts.run('us-east', ['verify']);
  assert.equal(verified.code, 0, verified.out + verified.err);
});

test('a switchover moves the primary', async () => {
  const moved = await hosts.run('us-east', ['switchover', 'us-east', '--yes']);
  assert.equal(moved.code, 0, moved.err);
  await isWhole(hosts, regions);
  await hosts.query('ap-south', `INSERT INTO note VALUES (5000, 'after the switchover')`);
});

test('the loss of the primary region is a failover, and it comes back as a replica', async () => {
  await hosts.kill('us-east');
  await eventually(
    async () => {
      const primary = (await statusOf(hosts, 'eu-west'))?.primary ?? 'us-east';
      return primary !== 'us-east';
    },
    { deadlineMs: 120_000, intervalMs: 500 },
  );
  await eventually(
    () =>
      hosts.query('eu-west', `INSERT INTO note VALUES (5001, 'after the failover')`).then(
        () => true,
        () => false,
      ),
    { deadlineMs: 60_000, intervalMs: 500 },
  );
  hosts.up('us-east');
  await isWhole(hosts, regions);
  assert.deepEqual(await changesOf(hosts, 'eu-west'), ['failover', 'switchover', 'failover']);
  for (const region of regions) {
    const sql = 'SELECT count(*)::int AS n FROM note WHERE id IN (5000, 5001)';
    assert.deepEqual(await rowsAt(region, sql, 'strong'), [{ n: 2 }], region);
  }
  const verified = await hosts.run('eu-west', ['verify']);
  assert.equal(verified.code, 0, verified.out + verified.err);
});
