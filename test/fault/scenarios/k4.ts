/** K4: the control topic's leader and one follower do not hear each other. */
import { controlLeader } from '../run/kafka-roles.ts';
import type { Scenario } from '../run/scenario.ts';

export const k4: Scenario = {
  id: 'K4',
  title: 'the line between the control leader and one follower is frozen',
  promotions: [0, 1],
  writePauseMaxMs: 30_000,
  async act(nemesis) {
    const leader = await controlLeader(nemesis.cluster);
    const [follower = ''] = nemesis.others(leader);
    await nemesis.between(leader, [follower], { action: 'freeze' });
    await nemesis.wait(15_000);
    await nemesis.heal();
  },
};
