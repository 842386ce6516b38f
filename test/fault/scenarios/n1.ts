/** N1: the whole primary region is killed, and comes back. */
import type { Scenario } from '../run/scenario.ts';

export const n1: Scenario = {
  id: 'N1',
  title: 'SIGKILL of the whole primary region, then its return',
  promotions: [1, 1],
  writePauseMaxMs: 30_000,
  async act(nemesis) {
    const { primary, epoch } = await nemesis.view();
    await nemesis.killRegion(primary);
    await nemesis.promoted(epoch);
    await nemesis.wait(1000);
    await nemesis.restart();
  },
};
