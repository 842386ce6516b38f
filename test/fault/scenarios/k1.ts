/** K1: the broker that leads the control topic's partition is killed. */
import { controlLeader } from '../run/kafka-roles.ts';
import type { Scenario } from '../run/scenario.ts';

export const k1: Scenario = {
  id: 'K1',
  title: 'SIGKILL of the control partition’s leader',
  promotions: [0, 0],
  writePauseMaxMs: 15_000,
  async act(nemesis) {
    await nemesis.kill(await controlLeader(nemesis.cluster), 'kafka');
    await nemesis.wait(8000);
  },
};
