/** N7, single links: a cut line between two regions is no reason to promote anybody. */
import type { Scenario } from '../run/scenario.ts';

export const n7Links: Scenario = {
  id: 'N7-links',
  title: 'each single line between two regions is cut in turn',
  promotions: [0, 0],
  writePauseMaxMs: 15_000,
  async act(nemesis) {
    const [a = '', b = '', c = ''] = nemesis.regions;
    for (const [from, to] of [
      [a, b],
      [a, c],
      [b, c],
    ] as const) {
      await nemesis.between(from, [to], { action: 'cut' });
      await nemesis.wait(12_000);
      await nemesis.heal();
      await nemesis.wait(3000);
    }
  },
};
