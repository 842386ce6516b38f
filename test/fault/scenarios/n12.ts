/** N12: slow and narrow lines. */
import type { Scenario } from '../run/scenario.ts';

export const n12: Scenario = {
  id: 'N12',
  title: '200 ms more in both directions of every line, then 1 Mbit/s',
  promotions: [0, 0],
  workloads: ['W1', 'W2', 'W4', 'W5', 'W9'],
  writePauseMaxMs: 15_000,
  async act(nemesis) {
    for (const change of [
      { action: 'slow', addedMs: 200 },
      { action: 'slow', addedMs: 0, bytesPerSecond: 125_000 },
    ] as const) {
      for (const from of nemesis.regions) {
        for (const to of nemesis.others(from)) await nemesis.wan(from, to, change);
      }
      await nemesis.wait(20_000);
      await nemesis.heal();
    }
  },
};
