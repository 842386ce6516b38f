/** N9: a line of the primary is gone for a minute, then comes and goes for ten. */
import { drawFlaps, rowMinutes } from '../run/schedule.ts';
import type { Scenario } from '../run/scenario.ts';

const minutes = rowMinutes(10);
const bridgeMs = 60_000;
const limits = { forMs: minutes * 60_000, shortestMs: 1000, longestMs: 30_000 };

export const n9: Scenario = {
  id: 'N9',
  title: `a line of the primary is cut for a minute, then flaps, 1 to 30 s, for ${minutes} minutes`,
  promotions: [0, 1],
  workloads: ['W1', 'W4', 'W5'],
  writePauseMaxMs: 30_000,
  async act(nemesis) {
    const { primary, epoch: before } = await nemesis.view();
    const [other = ''] = nemesis.others(primary);
    // The third region is the bridge between the two.
    await nemesis.between(primary, [other], { action: 'cut' });
    await nemesis.wait(bridgeMs);
    const { epoch } = await nemesis.view();
    if (epoch !== before) throw new Error(`epoch ${epoch} began while one line was cut`);
    await nemesis.heal();
    for (const { downMs, upMs } of drawFlaps(nemesis.random, limits)) {
      await nemesis.between(primary, [other], { action: 'cut' });
      await nemesis.wait(downMs);
      await nemesis.heal();
      await nemesis.wait(upMs);
    }
  },
};
