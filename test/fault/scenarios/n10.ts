/** N10: wall clocks of the regions' Meridian processes jump, stay apart and swing. */
import { moveClock } from '../run/clocks.ts';
import type { Nemesis } from '../run/nemesis.ts';
import type { Scenario } from '../run/scenario.ts';

const [hourMs, minuteMs] = [3_600_000, 60_000];
const strobe = { times: 50, everyMs: 200, byMs: 2000 };

export const n10: Scenario = {
  id: 'N10',
  title: 'wall clocks jump by an hour each way, stand ten minutes apart, swing by 2 s at 5 Hz',
  promotions: [0, 0],
  workloads: ['W1', 'W4', 'W5', 'W9'],
  writePauseMaxMs: 10_000,
  movesClocks: true,
  async act(nemesis) {
    const primary = await nemesis.primary();
    const [second = '', third = ''] = nemesis.others(primary);
    for (const region of [primary, second]) {
      await jump(nemesis, region, hourMs);
      await jump(nemesis, region, -hourMs);
    }
    setClock(nemesis, second, 5 * minuteMs);
    setClock(nemesis, third, -5 * minuteMs);
    await nemesis.wait(10_000);
    nemesis.note(`the clock of ${primary} swings`);
    for (let n = 0; n < strobe.times; n += 1) {
      moveClock(primary, n % 2 === 0 ? strobe.byMs : -strobe.byMs);
      await nemesis.wait(strobe.everyMs);
    }
    for (const region of nemesis.regions) setClock(nemesis, region, 0);
  },
};

async function jump(nemesis: Nemesis, region: string, byMs: number): Promise<void> {
  setClock(nemesis, region, byMs);
  await nemesis.wait(8000);
  setClock(nemesis, region, 0);
  await nemesis.wait(2000);
}

function setClock(nemesis: Nemesis, region: string, offMs: number): void {
  nemesis.note(`the clock of ${region} is off by ${offMs} ms`);
  moveClock(region, offMs);
}
