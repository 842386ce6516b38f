/** How a running change of primary is told: each step once, with its time, then the measure. */
import { formatDuration } from './duration.ts';
import { plainPaint, type Paint } from './table.ts';

export interface StepLine {
  readonly name: string;
  /** Milliseconds since the operation began. */
  readonly atMs: number;
  readonly detail: string;
}

/** The steps of `now` that `shown` does not have yet; steps are only ever added. */
export function newSteps(shown: number, now: readonly StepLine[]): readonly StepLine[] {
  return now.slice(shown);
}

/** `   1.2s  sealed       eu-west at 1:0/5A3F2E10`. */
export function renderStep(step: StepLine, paint: Paint = plainPaint): string {
  const time = formatDuration(step.atMs).padStart(7);
  return `${paint('dim', time)}  ${step.name.padEnd(18)} ${step.detail}`.trimEnd();
}

/** Whether the operation has ended, and how. */
export function endOf(phase: string): 'done' | 'failed' | null {
  if (['done', 'completed', 'succeeded'].includes(phase)) return 'done';
  return ['failed', 'abandoned', 'refused'].includes(phase) ? 'failed' : null;
}
