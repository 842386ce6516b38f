/** Figures of measured changes of primary, and their phases in words. */
import { figureOf, median, type Figure } from '../figure.ts';
import { percentile } from '../../open-loop.ts';
import type { Fault } from './faults.ts';
import { phaseNames, type Phases } from './phases.ts';
import type { MeasuredRun } from './run-store.ts';

/** p50, p95 and max of the pause, the failed requests, the way back; none without a run. */
export function figuresOf(fault: Fault, runs: readonly MeasuredRun[]): readonly Figure[] {
  if (runs.length === 0) return [];
  const wan = runs[0]?.isWan === true ? ' over the WAN' : '';
  const what = `${fault.what}${wan} (${String(runs.length)} runs)`;
  const pauses = runs.map(({ pauseMs }) => pauseMs);
  const rejoins = runs.map(({ rejoinMs }) => rejoinMs);
  const sum = (of: (run: MeasuredRun) => number): number =>
    runs.reduce((total, run) => total + of(run), 0);
  const { p50, p95, failed } = fault.goals;
  return [
    figureOf({
      ...{ what: `${what}, p50`, value: median(pauses), unit: 'ms' },
      ...(p50 === undefined ? {} : { goal: p50 }),
    }),
    figureOf({
      ...{ what: `${what}, p95`, value: percentile(pauses, 0.95), unit: 'ms' },
      ...(p95 === undefined ? {} : { goal: p95 }),
    }),
    figureOf({ what: `${what}, max`, value: Math.max(...pauses), unit: 'ms' }),
    figureOf({
      ...{ what: `${what}, failed requests`, value: sum(({ refused }) => refused), unit: '' },
      ...(failed === undefined ? {} : { goal: failed }),
    }),
    figureOf({
      ...{ what: `${what}, unknown outcomes`, value: sum(({ unknown }) => unknown), unit: '' },
      ...(failed === undefined ? {} : { goal: failed }),
    }),
    figureOf({ what: `${what}, whole again, p50`, value: median(rejoins), unit: 'ms' }),
    figureOf({ what: `${what}, whole again, max`, value: Math.max(...rejoins), unit: 'ms' }),
    ...phaseNames.flatMap((name) => phaseFigure(`${what}, ${name}, p50`, name, runs)),
  ];
}

/** When each phase was reached, in order. */
export function phasesText(phases: Phases): string {
  return phaseNames
    .flatMap((name) => (phases[name] === undefined ? [] : [`${name} ${String(phases[name])}`]))
    .join(' · ');
}

function phaseFigure(
  what: string,
  name: (typeof phaseNames)[number],
  runs: readonly MeasuredRun[],
): readonly Figure[] {
  const reached = runs.flatMap(({ phases }) => phases[name] ?? []);
  return reached.length === 0 ? [] : [figureOf({ what, value: median(reached), unit: 'ms' })];
}
