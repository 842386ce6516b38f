/** N12, the lossy half: lost packets, connections that are reset or half open. */
import { drawFlaps } from '../run/schedule.ts';
import type { Scenario } from '../run/scenario.ts';
import { pick } from '../run/workload.ts';

const lastsMs = 20_000;
const resets = { forMs: lastsMs, shortestMs: 10, longestMs: 1500 };
/** Less than the lease: whoever waits for a line that long has lost nothing yet. */
const halfOpenMs = 3000;

export const n12Loss: Scenario = {
  id: 'N12-loss',
  title: 'every line: 30 % lost, then resets, then half-open connections',
  promotions: [0, 0],
  workloads: ['W1', 'W2', 'W4', 'W5', 'W9'],
  writePauseMaxMs: 15_000,
  isByNameOnly: true,
  async act(nemesis) {
    const seed = Math.floor(nemesis.random() * 2 ** 31);
    await nemesis.everywhere({ action: 'lose', percent: 30, seed });
    await nemesis.wait(lastsMs);
    await nemesis.heal();
    for (const { downMs, upMs } of drawFlaps(nemesis.random, resets)) {
      const from = pick(nemesis.regions, nemesis.random);
      const to = pick(nemesis.others(from), nemesis.random);
      await nemesis.between(from, [to], { action: 'cut' });
      await nemesis.wait(downMs / 10);
      await nemesis.between(from, [to], { action: 'heal' });
      await nemesis.wait(upMs);
    }
    for (const from of nemesis.regions) {
      for (const to of nemesis.others(from)) {
        await nemesis.wan(from, to, { action: 'freeze' });
        await nemesis.wait(halfOpenMs);
        // Connections that hung are reset, those that were being made too.
        await nemesis.between(from, [to], { action: 'cut' });
        await nemesis.heal();
      }
    }
  },
};
