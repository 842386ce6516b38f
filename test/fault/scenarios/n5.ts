/** N5: Meridian of the old and of the new primary is killed at each step of a switchover. */
import { eventually } from '../../helpers/eventually.ts';
import type { Nemesis } from '../run/nemesis.ts';
import type { Scenario } from '../run/scenario.ts';
import { pick } from '../run/workload.ts';

/** Who is killed as soon as it says that it has come so far. */
const kills = [
  ['old', 'prepare sent'],
  ['old', 'fence raised'],
  ['old', 'sealed'],
  ['old', 'promoted'],
  ['new', 'prepare sent'],
  ['new', 'sealed'],
  ['new', 'promoted'],
  ['new', 'slot made'],
  ['new', 'opened'],
] as const;

export const n5: Scenario = {
  id: 'N5',
  title: 'SIGKILL of Meridian at each step of a switchover, on either side',
  promotions: [kills.length, 3 * kills.length],
  workloads: ['W1', 'W4', 'W5'],
  writePauseMaxMs: 15_000,
  async act(nemesis) {
    for (const [side, step] of kills) {
      const { primary, epoch } = await nemesis.view();
      const to = pick(nemesis.others(primary), nemesis.random);
      const killed = side === 'old' ? primary : to;
      // Asked for where the step is seen: the one that is asked sends the prepare.
      const asked = await nemesis.switchover(primary, { to, through: killed });
      await reached(nemesis, { region: killed, operation: asked, step });
      nemesis.note(`the ${side} primary says: ${step}`);
      await nemesis.kill(killed, 'meridian');
      await nemesis.promoted(epoch);
      await nemesis.settled();
    }
  },
};

async function reached(
  { cluster }: Nemesis,
  at: { readonly region: string; readonly operation: string; readonly step: string },
): Promise<void> {
  await eventually(
    async () => {
      const told = await cluster.admin(at.region, `/admin/operations/${at.operation}`);
      const steps = (told['steps'] ?? []) as readonly { readonly name: string }[];
      return steps.some(({ name }) => name === at.step);
    },
    { deadlineMs: 20_000, intervalMs: 5 },
  );
}
