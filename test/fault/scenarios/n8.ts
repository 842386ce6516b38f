/** N8: one direction of one line delivers nothing. */
import type { Scenario } from '../run/scenario.ts';

export const n8: Scenario = {
  id: 'N8',
  title: 'one-way partitions, each of the six directions in turn',
  promotions: [0, 6],
  workloads: ['W1', 'W4', 'W5', 'W6'],
  writePauseMaxMs: 15_000,
  async act(nemesis) {
    for (const from of nemesis.regions) {
      for (const to of nemesis.others(from)) {
        await nemesis.wan(from, to, { action: 'freeze' });
        await nemesis.wait(8000);
        await nemesis.heal();
        await nemesis.wait(5000);
      }
    }
  },
};
