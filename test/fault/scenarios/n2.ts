/**
 * N2: a whole replica region is killed, and comes back: writes go on, nobody is promoted. Sync ones
 * go on once it is no member any more.
 */
import { eventually } from '../../helpers/eventually.ts';
import type { Nemesis } from '../run/nemesis.ts';
import type { Scenario } from '../run/scenario.ts';
import { pick } from '../run/workload.ts';

export const n2: Scenario = {
  id: 'N2',
  title: 'SIGKILL of a whole secondary region, then its return',
  promotions: [0, 0],
  writePauseMaxMs: 8000,
  async act(nemesis) {
    const primary = await nemesis.primary();
    const region = pick(nemesis.others(primary), nemesis.random);
    await nemesis.cluster.query(primary, 'CREATE TABLE IF NOT EXISTS fault.probe (id int)');
    await nemesis.killRegion(region);
    await Promise.all([nemesis.wait(8000), syncGoesOn(nemesis, primary)]);
    const { members } = await nemesis.view();
    if (members.includes(region)) throw new Error(`${region} is dead and a member`);
    await nemesis.restart();
  },
};

/** Resolves when a write that every member must have is confirmed. */
async function syncGoesOn(nemesis: Nemesis, primary: string): Promise<void> {
  const { memberTimeoutMs } = nemesis.cluster.config.policy;
  const headers = { 'meridian-durability': 'sync' };
  await eventually(
    async () => {
      const sql = 'INSERT INTO fault.probe VALUES (1)';
      const answer = await nemesis.cluster.query(primary, sql, { headers }).catch(() => null);
      return answer?.status === 200;
    },
    { deadlineMs: memberTimeoutMs + 10_000, intervalMs: 100 },
  );
  nemesis.note('a sync write is confirmed');
}
