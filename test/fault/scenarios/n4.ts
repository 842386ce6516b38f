/** N4: replicators are killed, of the primary and of a replica region. */
import type { Scenario } from '../run/scenario.ts';

export const n4: Scenario = {
  id: 'N4',
  title: 'SIGKILL of Meridian, with its replicator, in a replica and in the primary region',
  promotions: [0, 1],
  workloads: ['W4', 'W5', 'W8'],
  writePauseMaxMs: 30_000,
  async act(nemesis) {
    const primary = await nemesis.primary();
    for (const region of [...nemesis.others(primary), primary]) {
      await nemesis.kill(region, 'meridian');
      await nemesis.wait(4000);
    }
  },
};
