/** K7: rolling restart of the brokers, first asked, then killed. */
import { brokersInStep } from '../run/kafka-roles.ts';
import type { Scenario } from '../run/scenario.ts';

export const k7: Scenario = {
  id: 'K7',
  title: 'rolling restart of the brokers by SIGTERM, then by SIGKILL',
  promotions: [0, 0],
  workloads: ['W1', 'W4', 'W5'],
  writePauseMaxMs: 20_000,
  async act(nemesis) {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (const region of nemesis.regions) {
        await nemesis.signal(region, 'kafka', signal);
        await nemesis.wait(4000);
        await nemesis.settled();
        await brokersInStep(nemesis.cluster);
      }
    }
  },
};
