/** K6: two of three brokers freeze and thaw, again and again: no quorum for a while each time. */
import { rowMinutes } from '../run/schedule.ts';
import type { Scenario } from '../run/scenario.ts';
import { pick } from '../run/workload.ts';

const [frozenMs, thawedMs] = [45_000, 20_000];
const rounds = Math.floor((rowMinutes(4) * 60_000) / (frozenMs + thawedMs));

export const k6: Scenario = {
  id: 'K6',
  title: `two of three brokers are frozen for 45 s, ${rounds} times`,
  promotions: [0, 2 * rounds],
  workloads: ['W4', 'W5', 'W8'],
  writePauseMaxMs: 60_000,
  async act(nemesis) {
    for (let round = 0; round < rounds; round += 1) {
      const spared = pick(nemesis.regions, nemesis.random);
      const frozen = nemesis
        .others(spared)
        .map((region) => nemesis.freeze(region, ['kafka'], frozenMs));
      await Promise.all(frozen);
      await nemesis.wait(thawedMs);
      await nemesis.settled();
    }
  },
};
