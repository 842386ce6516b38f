/** N7: the primary region is cut off from both others, and the lines come back. */
import type { Scenario } from '../run/scenario.ts';

export const n7: Scenario = {
  id: 'N7',
  title: 'the primary region is partitioned from both others',
  promotions: [1, 1],
  writePauseMaxMs: 30_000,
  async act(nemesis) {
    const { primary, epoch } = await nemesis.view();
    await nemesis.between(primary, nemesis.others(primary), { action: 'freeze' });
    await nemesis.promoted(epoch);
    await nemesis.wait(1000);
    await nemesis.heal();
  },
};
