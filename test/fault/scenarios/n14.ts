/** N14: the old primary returns at every stage of the change that its death has caused. */
import { eventually } from '../../helpers/eventually.ts';
import type { Nemesis, RegionsView } from '../run/nemesis.ts';
import type { Scenario } from '../run/scenario.ts';

/** What the others say when the killed region is started again. */
const stages: readonly (readonly [string, (view: RegionsView, epoch: number) => boolean])[] = [
  ['nobody has noticed', () => true],
  ['a change is prepared', ({ change }) => change !== null],
  ['a promise is given', ({ change }) => (change?.seals.length ?? 0) > 0],
  ['another region is promoted', (view, epoch) => view.epoch > epoch],
  ['another region is open', (view, epoch) => view.epoch > epoch && isOpen(view)],
  ['it has a member', (view, epoch) => view.epoch > epoch && view.members.length > 0],
];

export const n14: Scenario = {
  id: 'N14',
  title: 'the killed primary region returns at each stage of the promotion of another one',
  // Whoever is back before anybody asked for a change may keep its role.
  promotions: [stages.length - 1, 2 * stages.length],
  writePauseMaxMs: 60_000,
  async act(nemesis) {
    for (const [stage, isReached] of stages) {
      const { primary, epoch } = await nemesis.view();
      await nemesis.killRegion(primary);
      await reached(nemesis, (view) => isReached(view, epoch));
      nemesis.note(`${primary} returns when ${stage}`);
      await nemesis.restart();
      await nemesis.settled();
    }
  },
};

/** A stage that is over before it is seen counts as reached: the change goes on by itself. */
async function reached(nemesis: Nemesis, is: (view: RegionsView) => boolean): Promise<void> {
  const { epoch } = await nemesis.view();
  await eventually(
    async () => {
      const view = await nemesis.view().catch(() => null);
      return view !== null && (is(view) || (view.epoch > epoch && isOpen(view)));
    },
    { deadlineMs: 60_000, intervalMs: 10 },
  );
}

function isOpen({ items, primary }: RegionsView): boolean {
  return items.find(({ id }) => id === primary)?.role === 'primary';
}
