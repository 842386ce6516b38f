/** K5: the control topic's leader is cut off from the others; its own region still has it. */
import { eventually } from '../../helpers/eventually.ts';
import { controlLeader } from '../run/kafka-roles.ts';
import type { Scenario } from '../run/scenario.ts';

export const k5: Scenario = {
  id: 'K5',
  title: 'the control leader is cut off from both others for 20 s, clients of its region stay',
  promotions: [0, 1],
  workloads: ['W1', 'W4'],
  writePauseMaxMs: 30_000,
  async act(nemesis) {
    const leader = await controlLeader(nemesis.cluster);
    const others = nemesis.others(leader);
    await nemesis.between(leader, others, { action: 'cut' });
    await eventually(async () => (await controlLeader(nemesis.cluster, others)) !== leader, {
      deadlineMs: 20_000,
      intervalMs: 200,
    });
    nemesis.note(`another broker than ${leader}'s leads`);
    await nemesis.wait(20_000);
    await nemesis.heal();
  },
};
