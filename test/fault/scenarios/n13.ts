/** N13: a second fault before the first one is over, during a failover and during a drain. */
import { eventually } from '../../helpers/eventually.ts';
import type { Scenario } from '../run/scenario.ts';
import { pick } from '../run/workload.ts';

export const n13: Scenario = {
  id: 'N13',
  title:
    'the primary region is killed, then Meridian of another one; a broker dies during a switchover',
  promotions: [1, 5],
  writePauseMaxMs: 60_000,
  async act(nemesis) {
    const { primary, epoch } = await nemesis.view();
    const other = pick(nemesis.others(primary), nemesis.random);
    await nemesis.killRegion(primary);
    await nemesis.wait(nemesis.random() * 8000);
    await nemesis.kill(other, 'meridian');
    await nemesis.promoted(epoch);
    await nemesis.restart();
    await nemesis.settled();
    const drained = await nemesis.primary();
    const target = pick(nemesis.others(drained), nemesis.random);
    // One that lags is refused.
    await eventually(
      () =>
        nemesis.switchover(drained, { to: target }).then(
          () => true,
          () => false,
        ),
      {
        deadlineMs: 60_000,
        intervalMs: 500,
      },
    );
    // It is done, or given up for the old primary: either way writes go on.
    await nemesis.kill(drained, 'kafka');
    await nemesis.settled();
  },
};
