/** The phases of a change of primary, from what the regions' controllers write to their logs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { localRegionPaths } from '../../../../services/local/region-paths.ts';
import type { TestCluster } from '../../cluster.ts';

/** In the order in which they are reached. */
export const phaseNames = [
  'change asked for',
  'control log answers: prepare read',
  'promoted',
  'caught up',
  'slot made',
  'sequences raised',
  'old lease over',
  'epoch begun in the log',
  'probe commit waited',
  'opened',
  'first member',
] as const;
export type PhaseName = (typeof phaseNames)[number];
export type Phases = Readonly<Partial<Record<PhaseName, number>>>;

/** What the controllers call a step, where it is not the phase's own name. */
const phaseOfStep: Readonly<Record<string, PhaseName>> = {
  'prepare sent': 'change asked for',
  prepared: 'control log answers: prepare read',
};

interface LogLine {
  readonly time: string;
  readonly msg: string;
  readonly epoch?: number;
  readonly step?: string;
}

/**
 * Milliseconds from `sinceWallMs` to each phase of the change to `epoch` or, where a promoted
 * region did not open in time, to a later one; first come first.
 */
export function readPhases(
  cluster: TestCluster,
  regions: readonly string[],
  { epoch, sinceWallMs }: { readonly epoch: number; readonly sinceWallMs: number },
): Phases {
  const phases: Partial<Record<PhaseName, number>> = {};
  const lines = regions.flatMap((region) => linesOf(cluster, region));
  for (const line of lines) {
    const step = line.step ?? '';
    const phase = phaseOfStep[step] ?? phaseNames.find((name) => name === step);
    if (line.msg !== 'change of primary' || (line.epoch ?? 0) < epoch || phase === undefined)
      continue;
    const atMs = Math.round(Date.parse(line.time) - sinceWallMs);
    phases[phase] = Math.min(phases[phase] ?? Infinity, atMs);
  }
  return phases;
}

function linesOf(cluster: TestCluster, region: string): readonly LogLine[] {
  const { logsFolder } = localRegionPaths(cluster.stateFolder, region);
  return readFileSync(join(logsFolder, 'meridian.log'), 'utf8')
    .split('\n')
    .filter((line) => line.includes('"change of primary"'))
    .map((line) => JSON.parse(line) as LogLine);
}
