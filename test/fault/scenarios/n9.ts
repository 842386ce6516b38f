/** N9: a line that comes and goes for ten minutes. */
import { drawFlaps, rowMinutes } from '../run/schedule.ts';
import type { Scenario } from '../run/scenario.ts';

const minutes = rowMinutes(10);
const limits = { forMs: minutes * 60_000, shortestMs: 1000, longestMs: 30_000 };

export const n9: Scenario = {
  id: 'N9',
  title: `a line of the primary flaps, 1 to 30 s each way, for ${minutes} minutes`,
  promotions: [0, 1],
  workloads: ['W1', 'W4', 'W5'],
  writePauseMaxMs: 30_000,
  async act(nemesis) {
    const primary = await nemesis.primary();
    const [other = ''] = nemesis.others(primary);
    for (const { downMs, upMs } of drawFlaps(nemesis.random, limits)) {
      await nemesis.between(primary, [other], { action: 'cut' });
      await nemesis.wait(downMs);
      await nemesis.heal();
      await nemesis.wait(upMs);
    }
  },
};
