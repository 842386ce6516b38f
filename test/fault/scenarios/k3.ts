/** K3: the broker that is Kafka's active controller is killed. */
import { kafkaController } from '../run/kafka-roles.ts';
import type { Scenario } from '../run/scenario.ts';

export const k3: Scenario = {
  id: 'K3',
  title: 'SIGKILL of the active Kafka controller',
  promotions: [0, 0],
  writePauseMaxMs: 15_000,
  async act(nemesis) {
    await nemesis.kill(kafkaController(nemesis.cluster), 'kafka');
    await nemesis.wait(8000);
  },
};
