/** Prints the steps of regions that start or stop: what is done as lines, what goes on as one. */
import type { RegionStep } from '../../local/region-progress.ts';
import { formatDuration } from '../core/duration.ts';
import type { Terminal } from './terminal.ts';

/** A listener for steps that prints them; without a terminal, also what each one waits for. */
export function createStepPrinter(terminal: Terminal): (step: RegionStep) => void {
  const working = new Map<string, string>();
  return (step) => {
    const name = `${step.region} ${step.step}`;
    const detail = step.detail === null ? '' : `  ${step.detail}`;
    if (step.state === 'working') {
      working.set(name, `${name}${detail}`);
      if (!terminal.isInteractive && isTelling(step.detail)) terminal.say(`${name}${detail}`);
    } else {
      working.delete(name);
      const time = formatDuration(step.seconds * 1000).padStart(7);
      const outcome = step.state === 'done' ? '' : '  failed';
      terminal.say(`${time}  ${step.region.padEnd(10)} ${step.step.padEnd(10)}${outcome}${detail}`);
    }
    if (working.size > 0) terminal.progress([...working.values()].join(' · '));
  };
}

/** A detail that tells more than that something has begun. */
function isTelling(detail: string | null): boolean {
  return detail !== null && detail !== 'starting' && detail !== 'waiting';
}
