/** Beyond the matrix: packets are lost on every line for an hour, and nobody is replaced. */
import { rowMinutes } from '../run/schedule.ts';
import type { Scenario } from '../run/scenario.ts';

const minutes = rowMinutes(60);
const percent = 10;

export const loss: Scenario = {
  id: 'LOSS',
  title: `${percent} % of what every line carries is lost, for ${minutes} minutes`,
  promotions: [0, 0],
  workloads: ['W1', 'W4', 'W5'],
  writePauseMaxMs: 15_000,
  isByNameOnly: true,
  async act(nemesis) {
    const seed = Math.floor(nemesis.random() * 2 ** 31);
    await nemesis.everywhere({ action: 'lose', percent, seed });
    for (let minute = 0; minute < minutes; minute += 1) {
      await nemesis.wait(60_000);
      const { epoch, primary, members } = await nemesis.view();
      nemesis.note(`epoch ${epoch}, primary ${primary}, members ${members.join(', ')}`);
    }
    await nemesis.heal();
  },
};
