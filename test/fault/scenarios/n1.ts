/** N1: the whole primary region is killed, Kafka's active controller in it, and comes back. */
import { kafkaController } from '../run/kafka-roles.ts';
import type { Nemesis } from '../run/nemesis.ts';
import type { Scenario } from '../run/scenario.ts';

export const n1: Scenario = {
  id: 'N1',
  title: 'SIGKILL of the whole primary region, with Kafka’s active controller, then its return',
  // The first where the primary role goes to the controller's region before the fault.
  promotions: [1, 2],
  writePauseMaxMs: 30_000,
  async act(nemesis) {
    await joinController(nemesis);
    const { primary, epoch } = await nemesis.view();
    nemesis.note(`the active controller is in ${kafkaController(nemesis.cluster)}`);
    await nemesis.killRegion(primary);
    const view = await nemesis.promoted(epoch);
    if (view.epoch !== epoch + 1) throw new Error(`epoch ${view.epoch} after ${epoch}`);
    await nemesis.wait(1000);
    await nemesis.restart();
  },
};

/** Makes the region with Kafka's active controller the primary one. */
async function joinController(nemesis: Nemesis): Promise<void> {
  const { primary, epoch } = await nemesis.view();
  const controller = kafkaController(nemesis.cluster);
  if (controller === primary) return;
  await nemesis.switchover(primary, { to: controller });
  await nemesis.promoted(epoch);
  await nemesis.settled();
}
