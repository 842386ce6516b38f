/** K2: a broker that only follows is killed. */
import { controlLeader, kafkaController } from '../run/kafka-roles.ts';
import type { Scenario } from '../run/scenario.ts';

export const k2: Scenario = {
  id: 'K2',
  title: 'SIGKILL of a follower broker of the control topic',
  promotions: [0, 0],
  writePauseMaxMs: 15_000,
  async act(nemesis) {
    const leader = await controlLeader(nemesis.cluster);
    const busy = [leader, kafkaController(nemesis.cluster), await nemesis.primary()];
    const idle = nemesis.regions.find((region) => !busy.includes(region));
    const region = idle ?? nemesis.others(leader)[0] ?? '';
    await nemesis.kill(region, 'kafka');
    await nemesis.wait(8000);
  },
};
