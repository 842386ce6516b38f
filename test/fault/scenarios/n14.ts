/** N14: the old primary returns while the new one has just begun. */
import type { Scenario } from '../run/scenario.ts';

export const n14: Scenario = {
  id: 'N14',
  title: 'the killed primary region returns before, during and after the promotion',
  promotions: [2, 3],
  writePauseMaxMs: 60_000,
  async act(nemesis) {
    for (const waitMs of [3000, 9000]) {
      const { primary, epoch } = await nemesis.view();
      await nemesis.killRegion(primary);
      await nemesis.wait(waitMs);
      await nemesis.restart();
      await nemesis.promoted(epoch);
      await nemesis.settled();
    }
  },
};
