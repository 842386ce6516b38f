/**
 * Checked histories: sessions write and read in every region while replicas lag, standbys die, the
 * primary is switched over and a region is lost.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestCluster } from '../../helpers/cluster.ts';
import { eventually } from '../../helpers/eventually.ts';
import { HistoryRun } from './history-run.ts';

export interface HistoriesOptions {
  /** At least so many session reads are checked. */
  readonly reads: number;
  /**
   * Otherwise every disturbance comes once, and the region that is lost stays lost: nothing can
   * follow. Repeated, there is a tenth of the reads undisturbed between one round and the next.
   */
  readonly isRepeated: boolean;
}

export function testHistories(cluster: () => TestCluster, options: HistoriesOptions): void {
  let run: HistoryRun;

  test('no session is ever shown less than it knew, whatever happens', async () => {
    run = await HistoryRun.start(cluster());
    try {
      await disturb(run, options);
    } finally {
      await run.stop();
    }
    const { failed, ...counts } = run.load.counts;
    console.log(JSON.stringify({ ...counts, failed: Object.fromEntries(failed) }));
    assertClean(run, 'to the end');
    assert.ok(counts.strongReads > 100 && counts.boundedReads > 100 && counts.writes > 100);
  });

  test('what was written under a key is there once, through everything', async () => {
    assert.deepEqual(await run.judgeKeyed(), []);
    const { confirmed, unanswered } = run.keyed;
    assert.ok(confirmed.size > 50, `${confirmed.size} keys were confirmed`);
    console.log(`keyed writes: ${confirmed.size}, unanswered: ${unanswered.size}`);
  });
}

async function disturb(run: HistoryRun, { reads, isRepeated }: HistoriesOptions): Promise<void> {
  const { counts } = run.load;
  await run.moreReads(1500);
  const share = counts.localReads / counts.sessionReads;
  console.log(`served in the asked region, undisturbed: ${(share * 100).toFixed(1)} %`);
  assert.ok(share >= 0.8, `only ${share} of the session reads were served in the asked region`);
  for (;;) {
    for (const act of ['swingLag', 'killStandby', 'switchOver', 'losePrimary'] as const) {
      await run[act]();
      assertClean(run, act);
    }
    if (!isRepeated) break;
    await run.recover();
    if (counts.sessionReads >= reads) return;
    await run.moreReads(reads / 10);
  }
  await eventually(() => counts.sessionReads >= reads, { deadlineMs: 150_000 });
}

function assertClean(run: HistoryRun, when: string): void {
  assert.deepEqual(run.load.checker.violations.slice(0, 20), [], when);
}
