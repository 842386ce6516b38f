/** Beyond the matrix: the primary region dies while another region is being seeded. */
import { eventually } from '../../helpers/eventually.ts';
import { checkAndDropLargeTable, makeLargeTable, writeBatch } from '../run/large-table.ts';
import type { Scenario } from '../run/scenario.ts';

export const duringSeed: Scenario = {
  id: 'SEED',
  title: 'a region without data is seeded when the primary region is killed',
  promotions: [1, 2],
  workloads: ['W1', 'W2', 'W4', 'W5'],
  writePauseMaxMs: 90_000,
  async act(nemesis) {
    const { cluster } = nemesis;
    const { primary, epoch } = await nemesis.view();
    const seeded = nemesis.others(primary)[1] ?? '';
    await makeLargeTable(cluster, primary);
    for (const batch of [1, 2]) await writeBatch(cluster, primary, batch);
    await nemesis.stop(seeded);
    cluster.deletePostgresData(seeded);
    // With it as a member its seal would be needed, and its store is gone.
    await eventually(async () => !(await nemesis.view()).members.includes(seeded), {
      deadlineMs: 60_000,
    });
    nemesis.note(`${seeded} is no member any more, and starts without data`);
    const up = cluster.up().catch(() => undefined);
    await eventually(
      async () => {
        const { nodes } = await cluster.agentState(seeded);
        return nodes.some(({ data }) => data === 'half-made');
      },
      { deadlineMs: 60_000, intervalMs: 20 },
    );
    await nemesis.killRegion(primary);
    await nemesis.promoted(epoch);
    await up;
    await nemesis.restart();
    await nemesis.settled();
    await checkAndDropLargeTable(cluster);
  },
};
