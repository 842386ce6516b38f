/** N13: a second fault before the first one is over. */
import type { Scenario } from '../run/scenario.ts';
import { pick } from '../run/workload.ts';

export const n13: Scenario = {
  id: 'N13',
  title: 'the primary region is killed, then Meridian of another one during the failover',
  promotions: [1, 3],
  writePauseMaxMs: 60_000,
  async act(nemesis) {
    const { primary, epoch } = await nemesis.view();
    const other = pick(nemesis.others(primary), nemesis.random);
    await nemesis.killRegion(primary);
    await nemesis.wait(nemesis.random() * 8000);
    await nemesis.kill(other, 'meridian');
    await nemesis.promoted(epoch);
    await nemesis.restart();
  },
};
