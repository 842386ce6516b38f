/** K9, the stuck reader: a broker that takes requests and answers none of them for a while. */
import { eventually } from '../../helpers/eventually.ts';
import { brokersInStep, controlLeader } from '../run/kafka-roles.ts';
import type { Nemesis } from '../run/nemesis.ts';
import type { Scenario } from '../run/scenario.ts';

const stuckMs = 20_000;
/** Of five seconds on a quiet machine; long before the broker answers again. */
const readAgainMs = 12_000;

export const k9: Scenario = {
  id: 'K9',
  title: 'each broker in turn answers nobody for 20 s, the control topic’s leader first',
  promotions: [0, 2],
  workloads: ['W4', 'W5', 'W9'],
  writePauseMaxMs: 40_000,
  async act(nemesis) {
    const leader = await controlLeader(nemesis.cluster);
    for (const stuck of [leader, ...nemesis.others(leader)]) {
      const thawed = nemesis.freeze(stuck, ['kafka'], stuckMs);
      await readsAgain(nemesis, stuck);
      await thawed;
      await nemesis.settled();
      await brokersInStep(nemesis.cluster);
      nemesis.note(`${stuck} is a member again`);
    }
  },
};

/** Resolves once `region` has read what another region wrote into the control log meanwhile. */
async function readsAgain(nemesis: Nemesis, region: string): Promise<void> {
  const { cluster } = nemesis;
  const sinceMs = performance.now();
  const asked = await eventually(
    async () => {
      const answer = await cluster.admin(nemesis.others(region)[0] ?? '', '/admin/resume', {});
      return answer['httpStatus'] === 202 ? answer : null;
    },
    { deadlineMs: readAgainMs, intervalMs: 100 },
  );
  await eventually(
    async () => {
      const told = await cluster.admin(region, `/admin/operations/${String(asked['id'])}`);
      return told['phase'] === 'done';
    },
    { deadlineMs: readAgainMs, intervalMs: 50 },
  );
  const tookMs = Math.round(performance.now() - sinceMs);
  nemesis.note(`${region} reads the control log again after ${tookMs} ms`);
  if (tookMs > readAgainMs) throw new Error(`${region} read nothing for ${tookMs} ms`);
}
