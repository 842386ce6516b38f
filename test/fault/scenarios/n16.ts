/** N16: two operators at once, and the same command twice. */
import type { Scenario } from '../run/scenario.ts';

export const n16: Scenario = {
  id: 'N16',
  title: 'concurrent switchovers to two regions, twice',
  promotions: [1, 2],
  workloads: ['W1', 'W2', 'W4', 'W5'],
  writePauseMaxMs: 20_000,
  async act(nemesis) {
    for (let round = 0; round < 2; round += 1) {
      const { primary, epoch } = await nemesis.view();
      const targets = nemesis.others(primary);
      await Promise.all(
        [...targets, ...targets].map((to) =>
          nemesis.switchover(primary, to).catch(() => undefined),
        ),
      );
      await nemesis.promoted(epoch);
      await nemesis.settled();
    }
  },
};
