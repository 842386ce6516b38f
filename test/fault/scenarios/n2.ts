/** N2: a whole replica region is killed, and comes back: writes go on, nobody is promoted. */
import type { Scenario } from '../run/scenario.ts';
import { pick } from '../run/workload.ts';

export const n2: Scenario = {
  id: 'N2',
  title: 'SIGKILL of a whole secondary region, then its return',
  promotions: [0, 0],
  writePauseMaxMs: 8000,
  async act(nemesis) {
    const region = pick(nemesis.others(await nemesis.primary()), nemesis.random);
    await nemesis.killRegion(region);
    await nemesis.wait(8000);
    await nemesis.restart();
  },
};
