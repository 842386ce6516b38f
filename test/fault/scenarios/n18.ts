/** N18: Redis is lost everywhere: nothing that is promised rests on it. */
import type { Scenario } from '../run/scenario.ts';

export const n18: Scenario = {
  id: 'N18',
  title: 'SIGKILL of Redis in every region, three times',
  promotions: [0, 0],
  writePauseMaxMs: 8000,
  async act(nemesis) {
    for (let round = 0; round < 3; round += 1) {
      for (const region of nemesis.regions) await nemesis.kill(region, 'redis');
      await nemesis.wait(4000);
    }
  },
};
