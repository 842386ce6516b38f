/**
 * `meridian verify` on two live servers: equal under load, every kind of difference found, named
 * by its key, in tables with and without one.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { verifyRegions, type VerifyOptions } from '../../../services/cli/io/verify-regions.ts';
import { VerifyRegion } from '../../../services/cli/io/verify-region.ts';
import type { VerifyReport } from '../../../services/cli/core/verify-view.ts';
import { connectPg } from '../../../shared/pg/client.ts';
import { startPair, type ReplicatedPair } from '../../helpers/replication/pair.ts';
import type { TestServer } from '../../helpers/postgres.ts';

let pair: ReplicatedPair;
let primary: VerifyRegion;
let other: VerifyRegion;

before(async () => {
  pair = await startPair();
  primary = regionOf('eu-west', pair.source);
  other = regionOf('us-east', pair.target);
  await pair.app.query(
    `CREATE TABLE keyed (a int, b text, v text, PRIMARY KEY (a, b));
     INSERT INTO keyed SELECT g, 'k' || g, repeat('v', g % 50) FROM generate_series(1, 20000) g;
     CREATE TABLE keyless (v text, j json);
     INSERT INTO keyless SELECT g % 10, '{}' FROM generate_series(1, 500) g;
     CREATE TABLE hot (id int PRIMARY KEY, n int);
     INSERT INTO hot SELECT g, 0 FROM generate_series(1, 50) g`,
  );
  await pair.caughtUp();
});

after(async () => {
  await Promise.all([primary.close(), other.close()]);
  await pair.stop();
});

function regionOf(region: string, { address, port, target }: TestServer): VerifyRegion {
  const { database, password } = target();
  return new VerifyRegion({ region, host: address, port, database, password });
}

async function verify(options: Partial<VerifyOptions> = {}): Promise<VerifyReport> {
  return verifyRegions({
    ...{ primary, others: [other], rowsPerRange: 3000, loadPercent: 100, tables: [], from: null },
    ...{ above: null, signal: new AbortController().signal },
    ...{ differencesMax: 100, onProgress: () => undefined },
    ...options,
  });
}

const found = (report: VerifyReport): string[] =>
  report.tables.flatMap(({ table, differences }) =>
    differences.map(({ kind, key }) => `${table} ${kind} ${key}`),
  );

test('equal regions are equal, also while rows change all the time', async () => {
  const writer = await connectPg(pair.source.target('app'));
  await writer.query('SET synchronous_commit = local');
  let isWriting = true;
  const writing = (async () => {
    for (let n = 1; isWriting; n += 1) {
      await writer.query(`UPDATE hot SET n = n + 1 WHERE id = ${(n % 50) + 1}`);
      await writer.query(`UPDATE keyed SET v = 'n${n}' WHERE a = ${(n * 37) % 20000}`);
      await writer.query(`DELETE FROM keyed WHERE a = ${(n * 91) % 20000}`);
    }
  })();
  const report = await verify();
  isWriting = false;
  await writing;
  await writer.end();
  assert.deepEqual(found(report), []);
  assert.ok(report.isEqual);
  assert.ok((report.tables.find(({ table }) => table.includes('keyed'))?.ranges ?? 0) >= 6);
  assert.match(report.position, /^1:[0-9A-F]+\//);
});

test('a run that is ended goes on behind the last key, and misses none', async () => {
  const stop = new AbortController();
  let rows = 0;
  const onProgress = (progress: { readonly rows: number }): void => {
    rows = progress.rows;
    if (rows >= 6000) stop.abort();
  };
  const tables = ['public.hot', 'public.keyed'];
  const first = await verify({ tables, onProgress, signal: stop.signal });
  assert.equal(first.isEqual, false);
  assert.equal(first.ended?.table, 'public.keyed');
  assert.ok(first.rows < 12_000, 'it ended early');
  const { above } = first.ended;
  const second = await verify({ tables, from: 'public.keyed', above });
  assert.ok(second.isEqual);
  const [count] = await pair.source.query(
    'SELECT (SELECT count(*) FROM keyed) + (SELECT count(*) FROM hot) AS rows',
  );
  assert.equal(first.rows + second.rows, Number(count?.['rows']));
});

test('each difference is named: another row, a missing one, one too many, equal rows', async () => {
  await pair.app.query(`INSERT INTO keyed VALUES (30001, 'x', 'same'), (30002, 'x', 'same')`);
  await pair.caughtUp();
  await pair.target.query(
    `UPDATE keyed SET v = 'changed by hand' WHERE a = 30001; DELETE FROM keyed WHERE a = 30002;
     INSERT INTO keyed VALUES (99999, 'x', 'only here');
     DELETE FROM keyless WHERE ctid = (SELECT min(ctid) FROM keyless)`,
  );
  const report = await verify();
  assert.equal(report.isEqual, false);
  const [keyless, ...keyed] = found(report).sort().reverse();
  assert.deepEqual(keyed.sort(), [
    '"public"."keyed" differs ["30001", "x"]',
    '"public"."keyed" extra ["99999", "x"]',
    '"public"."keyed" missing ["30002", "x"]',
  ]);
  assert.match(keyless ?? '', /^"public"\."keyless" differs -?\d+$/);
});

test('a table that is missing in a region is a difference; others can be left out', async () => {
  await pair.app.query('CREATE TABLE apart (id int PRIMARY KEY)');
  await pair.caughtUp();
  await pair.target.query('SET session_replication_role = replica; DROP TABLE apart');
  const report = await verify({ tables: ['public.apart', 'public.hot'] });
  assert.equal(report.tables.length, 2);
  assert.match(found(report).join(), /apart.*does not exist/);
  assert.ok((await verify({ from: 'public.hot', tables: ['public.apart', 'public.hot'] })).isEqual);
});
