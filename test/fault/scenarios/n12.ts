/** N12: slow, narrow and cutting lines. */
import type { Nemesis } from '../run/nemesis.ts';
import type { Scenario } from '../run/scenario.ts';
import { eventual } from '../run/session.ts';

const lastsMs = 20_000;
/** Of reads that a region's own node may answer: no line is in their way. */
const localReadMaxMs = 250;

export const n12: Scenario = {
  id: 'N12',
  title: '200 ms more both ways on every line, then 1 Mbit/s, then pieces of 700 bytes',
  promotions: [0, 0],
  workloads: ['W1', 'W2', 'W4', 'W5', 'W9'],
  writePauseMaxMs: 15_000,
  async act(nemesis) {
    for (const change of [
      { action: 'slow', addedMs: 200 },
      { action: 'slow', addedMs: 0, bytesPerSecond: 125_000 },
      { action: 'slice', pieceBytes: 700 },
    ] as const) {
      await nemesis.everywhere(change);
      const untilMs = performance.now() + lastsMs;
      await Promise.all(nemesis.regions.map((region) => readLocally(nemesis, region, untilMs)));
      await nemesis.heal();
    }
  },
};

/** Reads in `region` until then; its slowest hundredth must not be slow. */
async function readLocally(nemesis: Nemesis, region: string, untilMs: number): Promise<void> {
  const tookMs: number[] = [];
  while (performance.now() < untilMs) {
    const sinceMs = performance.now();
    const { status } = await nemesis.cluster.query(region, 'SELECT 1', { headers: eventual });
    if (status !== 200) throw new Error(`${region} answers a local read by ${status}`);
    tookMs.push(performance.now() - sinceMs);
    await nemesis.wait(50);
  }
  const p99 = Math.round(tookMs.toSorted((a, b) => a - b)[Math.floor(tookMs.length * 0.99)] ?? 0);
  nemesis.note(`${tookMs.length} local reads in ${region}, p99 ${p99} ms`);
  if (p99 > localReadMaxMs) throw new Error(`local reads in ${region}: p99 ${p99} ms`);
}
