// test: alone deadline 120 s
/**
 * Memory of the replicators is bounded by configuration and by the largest row, never by the size
 * of a transaction. Small here; five million rows and a value of 200 MB in the long run.
 */
import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { connectPg, type PgClient } from '../../../shared/pg/client.ts';
import { assertEqualRegions } from '../../helpers/replication/equal-regions.ts';
import { startHandCluster, type HandCluster } from '../../helpers/replication/hand-cluster.ts';

const isLong = process.env['MERIDIAN_TEST_LONG'] === '1';
const rows = isLong ? 5_000_000 : 200_000;
const valueBytes = (isLong ? 200 : 24) * 1024 * 1024;
const megabyte = 1024 * 1024;

let cluster: HandCluster;
let app: PgClient;

before(async () => {
  cluster = await startHandCluster(2);
  app = await connectPg(cluster.primary.server.target('app'));
  await app.query('SET synchronous_commit = local');
});

after(async () => {
  await app.end();
  await cluster.stop();
});

/** Other processes: their memory is that of what follows. */
async function startAfresh(): Promise<void> {
  for (const region of cluster.regions) {
    await region.kill();
    await region.start();
  }
}

/** Waits for the other region; tells the largest memory of any replicator, in megabytes. */
async function peakAfter(deadlineMs: number, context: TestContext): Promise<number> {
  const [replica] = cluster.replicas;
  assert.ok(replica !== undefined);
  await cluster.caughtUp(replica, deadlineMs).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${replica.report()?.why ?? ''}`);
  });
  await assertEqualRegions(cluster.primary.server, replica.server);
  const peaks = cluster.regions.map((region) => region.peakBytes() / megabyte);
  const shown = cluster.regions.map(({ id }, index) => `${id} ${Math.round(peaks[index] ?? 0)} MB`);
  context.diagnostic(`largest resident memory: ${shown.join(', ')}`);
  return Math.max(...peaks);
}

test(`trap 16: ${rows} rows in one transaction stay within 512 MB`, async (context) => {
  await app.query('CREATE TABLE many (id int PRIMARY KEY, v text)');
  await app.query(
    `INSERT INTO many SELECT g, 'value ' || g FROM generate_series(1, ${rows}::int) g`,
  );
  const peak = await peakAfter(isLong ? 900_000 : 60_000, context);
  assert.ok(peak <= 512, `${peak} MB`);
});

test(`trap 16: a value of ${valueBytes / megabyte} MB arrives whole`, async (context) => {
  await startAfresh();
  await app.query('CREATE TABLE wide (id int PRIMARY KEY, v text, small int)');
  await app.query(
    `INSERT INTO wide SELECT 1, string_agg(md5(g::text), ''), 0
     FROM generate_series(1, ${valueBytes / 32}) g`,
  );
  await app.query('UPDATE wide SET small = 1');
  const peak = await peakAfter(isLong ? 300_000 : 60_000, context);
  const bound = 512 + (4 * valueBytes) / megabyte;
  assert.ok(peak <= bound, `${peak} MB`);
});
