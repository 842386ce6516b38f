// test: alone
/** Bounded reads while replicas lag and every region's clock is wrong by seconds: none is stale. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { formatLsn, parseLsn } from '../../../shared/core/lsn.ts';
import type { Position } from '../../../shared/core/position.ts';
import { RouterCluster } from '../../helpers/router.ts';

let cluster: RouterCluster;
const clocksOffMs = { 'eu-west': 5000, 'us-east': -5000, 'ap-south': 0 };
const boundMs = 400;
const runMs = 5000;

before(async () => {
  const regions = Object.keys(clocksOffMs);
  cluster = await RouterCluster.start({ regions, clocksOffMs });
  for (const id of regions)
    await cluster.sql(id, 'CREATE TABLE beat (n int); INSERT INTO beat VALUES (0)');
  for (const id of regions) await cluster.sql(id, 'GRANT SELECT ON beat TO app');
});

after(async () => {
  await cluster?.stop();
});

interface Beat {
  readonly n: number;
  readonly confirmedAtMs: number;
  readonly position: Position;
  /** The primary's own clock before the beat was read: everything older is in it. */
  readonly freshAtMs: number;
}

const beats: Beat[] = [];

async function beat(untilMs: number): Promise<void> {
  for (let n = 1; performance.now() < untilMs; n += 1) {
    const freshAtMs = Date.now() + clocksOffMs['eu-west'];
    const rows = await cluster.sql(
      'eu-west',
      `UPDATE beat SET n = ${n}; SELECT pg_current_wal_flush_lsn()::text AS lsn`,
    );
    const endLsn = parseLsn(rows[0]?.['lsn'] ?? '') ?? assert.fail('no LSN');
    const position = { epoch: 1 as Position['epoch'], endLsn };
    beats.push({ n, confirmedAtMs: performance.now(), position, freshAtMs });
  }
}

/** Moves a replica along, at a pace that swings between none and 600 ms behind. */
async function follow(region: string, untilMs: number): Promise<void> {
  while (performance.now() < untilMs) {
    const lagMs = 600 * Math.random();
    const newest = beats.findLast(
      ({ confirmedAtMs }) => confirmedAtMs <= performance.now() - lagMs,
    );
    if (newest !== undefined) {
      const { n, position, freshAtMs } = newest;
      await cluster.sql(
        region,
        `BEGIN; UPDATE beat SET n = ${n}; UPDATE meridian_local.progress SET epoch = 1,
           end_lsn = '${formatLsn(position.endLsn)}', commit_time = clock_timestamp(); COMMIT`,
      );
      cluster.region(region).status.setApplied(position, freshAtMs);
    }
    await new Promise((resolve) => setTimeout(resolve, 100 * Math.random()));
  }
}

/** How many reads the region's own node served. */
async function read(region: string, untilMs: number): Promise<number> {
  let local = 0;
  while (performance.now() < untilMs) {
    const startedMs = performance.now();
    const answer = await cluster.query(region, 'SELECT n FROM beat', {
      consistency: 'bounded',
      maxStalenessMs: boundMs,
    });
    assert.equal(answer.status, 200, answer.text);
    const [row] = answer.body['rows'] as { n: number }[];
    const due = beats.findLast(({ confirmedAtMs }) => confirmedAtMs <= startedMs - boundMs)?.n ?? 0;
    const servedBy = answer.headers.get('meridian-served-by') ?? '';
    assert.ok((row?.n ?? 0) >= due, `${servedBy} showed ${String(row?.n)}, ${due} was due`);
    if (servedBy.startsWith(region)) local += 1;
  }
  return local;
}

test('a bounded read shows everything older than its bound, whatever the clocks say', async () => {
  const untilMs = performance.now() + runMs;
  const replicas = ['us-east', 'ap-south'];
  const followers = replicas.map((region) => follow(region, untilMs));
  const [first = 0, second = 0] = await Promise.all([
    ...replicas.map((region) => read(region, untilMs)),
    beat(untilMs),
    ...followers,
  ]).then((all) => all.filter((one) => typeof one === 'number'));
  assert.ok(first > 0 && second > 0, `read here: ${first} and ${second}`);
});
