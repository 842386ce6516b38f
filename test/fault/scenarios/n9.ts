/** N9: a line that comes and goes. */
import type { Scenario } from '../run/scenario.ts';

export const n9: Scenario = {
  id: 'N9',
  title: 'a line of the primary flaps, one to eight seconds each way, for two minutes',
  promotions: [0, 1],
  workloads: ['W1', 'W4', 'W5'],
  writePauseMaxMs: 30_000,
  async act(nemesis) {
    const primary = await nemesis.primary();
    const [other = ''] = nemesis.others(primary);
    const endMs = performance.now() + 120_000;
    while (performance.now() < endMs) {
      await nemesis.between(primary, [other], { action: 'cut' });
      await nemesis.wait(1000 + nemesis.random() * 7000);
      await nemesis.heal();
      await nemesis.wait(1000 + nemesis.random() * 7000);
    }
  },
};
