/** N5: Meridian of the old and of the new primary is killed in the middle of a switchover. */
import type { Scenario } from '../run/scenario.ts';
import { pick } from '../run/workload.ts';

export const n5: Scenario = {
  id: 'N5',
  title: 'SIGKILL of Meridian during a switchover, on either side',
  promotions: [1, 4],
  workloads: ['W1', 'W4', 'W5'],
  writePauseMaxMs: 40_000,
  async act(nemesis) {
    for (const side of ['old', 'new'] as const) {
      const { primary } = await nemesis.view();
      const to = pick(nemesis.others(primary), nemesis.random);
      await nemesis.switchover(primary, to);
      await nemesis.wait(nemesis.random() * 800);
      await nemesis.kill(side === 'old' ? primary : to, 'meridian');
      await nemesis.wait(15_000);
    }
  },
};
