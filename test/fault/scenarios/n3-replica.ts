/** N3 in a replica region: its server stays away, so its standby applies on; nobody is promoted. */
import { eventually } from '../../helpers/eventually.ts';
import type { Scenario } from '../run/scenario.ts';
import { pick } from '../run/workload.ts';

export const n3Replica: Scenario = {
  id: 'N3-replica',
  title: 'a replica region’s PostgreSQL is frozen for longer than nodeRecoveryMs',
  promotions: [0, 0],
  writePauseMaxMs: 8000,
  async act(nemesis) {
    const region = pick(nemesis.others(await nemesis.primary()), nemesis.random);
    const lost = await nemesis.leadingNode(region);
    const frozen = nemesis.freeze(region, [lost], 20_000);
    await eventually(async () => (await nemesis.leadingNode(region).catch(() => lost)) !== lost, {
      deadlineMs: 20_000,
    });
    nemesis.note(`another node than ${lost} is the region's own`);
    await frozen;
    await nemesis.settled();
    await eventually(
      async () => {
        const { nodes } = await nemesis.cluster.agentState(region);
        return nodes.some(({ id, mode }) => id.endsWith(`/${lost}`) && mode === 'standby');
      },
      { deadlineMs: 120_000, intervalMs: 500 },
    );
    nemesis.note(`${lost} is its standby`);
  },
};
