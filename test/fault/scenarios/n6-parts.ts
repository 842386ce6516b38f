/** N6: parts of the primary region are frozen, each alone, for less and for more than its lease. */
import type { Scenario } from '../run/scenario.ts';

const leases = [0.5, 0.9, 1.1, 3] as const;

export const n6Parts: Scenario = {
  id: 'N6-parts',
  title: 'SIGSTOP of Meridian, of the broker, of the server alone, of all: 0.5 to 3 leases',
  promotions: [0, 16],
  workloads: ['W1', 'W4', 'W5'],
  writePauseMaxMs: 40_000,
  async act(nemesis) {
    const { leaseTtlMs } = nemesis.cluster.config.policy;
    for (const part of ['meridian', 'kafka', 'server', 'all'] as const) {
      for (const factor of leases) {
        const { primary } = await nemesis.view();
        const node = await nemesis.leadingNode(primary);
        const whole = ['meridian', 'kafka', 'pg-1', 'pg-2'];
        const names = { meridian: ['meridian'], kafka: ['kafka'], server: [node], all: whole }[
          part
        ];
        await nemesis.freeze(primary, names, factor * leaseTtlMs);
        await nemesis.settled();
      }
    }
  },
};
