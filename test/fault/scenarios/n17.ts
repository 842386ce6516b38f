/** N17: every region is stopped in order and started again, one after the other. */
import type { Scenario } from '../run/scenario.ts';

export const n17: Scenario = {
  id: 'N17',
  title: 'rolling restart of whole regions, the primary last, after a switchover',
  promotions: [1, 2],
  writePauseMaxMs: 30_000,
  async act(nemesis) {
    const { primary } = await nemesis.view();
    const others = nemesis.others(primary);
    for (const region of others) {
      await nemesis.stop(region);
      await nemesis.restart();
      await nemesis.settled();
    }
    const { epoch } = await nemesis.view();
    await nemesis.switchover(primary, { to: others[0] ?? '' });
    await nemesis.promoted(epoch);
    await nemesis.stop(primary);
    await nemesis.restart();
  },
};
