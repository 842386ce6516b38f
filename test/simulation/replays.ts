/** Whether a seed gives the same history each time: without that, a failing one proves nothing. */
import { Totals } from './totals.ts';
import { worlds, type WorldName } from './worlds.ts';

/** Null when two runs of `seed` tell the same, step by step; else where they part, in words. */
export function whyNotSame(world: WorldName, seed: number): string | null {
  const [one, other] = [traceOf(world, seed), traceOf(world, seed)];
  const parted = one.findIndex((line, index) => line !== other[index]);
  if (parted === -1 && one.length === other.length) return null;
  const at = parted === -1 ? one.length : parted;
  return `step ${at}: ${one[at] ?? 'the end'}; again: ${other[at] ?? 'the end'}`;
}

/** What a run says of its steps, then its figures. */
function traceOf(world: WorldName, seed: number): readonly string[] {
  const totals = new Totals();
  const lines: string[] = [];
  worlds[world]({ seed, plant: null, totals, trace: (line) => lines.push(line) });
  return [...lines, String(totals)];
}
