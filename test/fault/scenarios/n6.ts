/** N6: the primary region is frozen for longer than its lease, and wakes up. */
import type { Scenario } from '../run/scenario.ts';

export const n6: Scenario = {
  id: 'N6',
  title: 'SIGSTOP of the primary’s processes for 1.1 × and 2 × the lease, then SIGCONT',
  promotions: [1, 3],
  writePauseMaxMs: 40_000,
  async act(nemesis) {
    const { leaseTtlMs } = nemesis.cluster.config.policy;
    const { primary, epoch } = await nemesis.view();
    const names = ['meridian', 'kafka', 'pg-1', 'pg-2'];
    await nemesis.freeze(primary, names, 1.1 * leaseTtlMs);
    const { epoch: now } = await nemesis.view();
    if (now > epoch) return;
    await nemesis.freeze(primary, names, 2 * leaseTtlMs);
    await nemesis.promoted(epoch);
  },
};
