/** K6: two of three brokers freeze and thaw: no quorum for a while. */
import type { Scenario } from '../run/scenario.ts';
import { pick } from '../run/workload.ts';

export const k6: Scenario = {
  id: 'K6',
  title: 'two of three brokers are frozen for 20 s, three times',
  promotions: [0, 6],
  workloads: ['W4', 'W5', 'W8'],
  writePauseMaxMs: 60_000,
  async act(nemesis) {
    for (let round = 0; round < 3; round += 1) {
      const spared = pick(nemesis.regions, nemesis.random);
      const frozen = nemesis
        .others(spared)
        .map((region) => nemesis.freeze(region, ['kafka'], 20_000));
      await Promise.all(frozen);
      await nemesis.settled();
    }
  },
};
