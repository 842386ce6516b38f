/** N3: PostgreSQL of the primary region dies and stays away, so its standby takes over. */
import type { Scenario } from '../run/scenario.ts';

export const n3: Scenario = {
  id: 'N3',
  title: 'the primary’s PostgreSQL is frozen for longer than nodeRecoveryMs',
  promotions: [1, 2],
  workloads: ['W1', 'W2', 'W3', 'W4', 'W5', 'W8'],
  writePauseMaxMs: 40_000,
  async act(nemesis) {
    const { primary, epoch } = await nemesis.view();
    const node = await nemesis.leadingNode(primary);
    // Processes of a killed server are started again at once: one that does not answer is lost.
    await nemesis.freeze(primary, [node], 15_000);
    await nemesis.promoted(epoch);
  },
};
