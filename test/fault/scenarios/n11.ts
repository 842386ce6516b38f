/**
 * N11: the disk below the primary's PostgreSQL fails: writes of WAL are refused, then its server
 * hangs, which is all that anybody sees of a disk that answers no more.
 */
import type { Scenario } from '../run/scenario.ts';

/** Less than a segment of WAL, which is made in whole before it is written. */
const walBytes = 64 * 1024;
const [briefMs, longMs] = [2000, 60_000];
/** As long as a node may stay away, and longer. */
const between = [3000, 20_000];
const replacedMs = 20_000;

export const n11: Scenario = {
  id: 'N11',
  title: 'writes of WAL fail, then the server hangs for 2, 3, 20 and 60 s',
  promotions: [1, 5],
  workloads: ['W1', 'W4'],
  writePauseMaxMs: 40_000,
  async act(nemesis) {
    const first = await nemesis.primary();
    await nemesis.limitFiles(first, await nemesis.leadingNode(first), walBytes);
    await nemesis.wait(15_000);
    await nemesis.settled();
    const brief = await nemesis.view();
    await nemesis.freeze(brief.primary, [await nemesis.leadingNode(brief.primary)], briefMs);
    await nemesis.settled();
    const after = await nemesis.view();
    if (after.epoch !== brief.epoch)
      throw new Error(`a server that hung for ${briefMs} ms was replaced`);
    for (const ms of between) {
      const { primary } = await nemesis.view();
      await nemesis.freeze(primary, [await nemesis.leadingNode(primary)], ms);
      await nemesis.settled();
    }
    const { primary, epoch } = await nemesis.view();
    const sinceMs = performance.now();
    const hanging = nemesis.freeze(primary, [await nemesis.leadingNode(primary)], longMs);
    await nemesis.promoted(epoch);
    const tookMs = Math.round(performance.now() - sinceMs);
    await hanging;
    if (tookMs > replacedMs) throw new Error(`it was replaced after ${tookMs} ms only`);
  },
};
