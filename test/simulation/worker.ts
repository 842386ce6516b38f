/** One thread of the simulation: runs the seeds it is given and says what it has seen. */
import { parentPort } from 'node:worker_threads';
import type { PlantName } from './plants.ts';
import { Totals, type Figure } from './totals.ts';
import { Violation } from './violation.ts';
import { worlds, type WorldName } from './worlds.ts';

export interface Task {
  readonly world: WorldName;
  readonly plant: PlantName | null;
  readonly first: number;
  readonly seeds: number;
}

export interface Finding {
  readonly seed: number;
  readonly message: string;
}

export interface TaskResult {
  readonly seedsRun: number;
  /** The world has no further seeds. */
  readonly isOver: boolean;
  readonly figures: readonly (readonly [Figure, number])[];
  /** What was found last; the task ends with it. */
  readonly finding: Finding | null;
}

/** Runs the seeds of `task` one after the other, up to the first violation. */
export function runTask({ world, plant, first, seeds }: Task): TaskResult {
  const totals = new Totals();
  for (let seed = first; seed < first + seeds; seed += 1) {
    try {
      if (!worlds[world]({ seed, plant, totals })) {
        return { seedsRun: seed - first, figures: totals.entries(), isOver: true, finding: null };
      }
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      // Anything but a violation is a defect of the core or of the simulation: it counts alike.
      const message = error instanceof Violation ? error.message : String(error.stack);
      const finding = { seed, message };
      return { seedsRun: seed - first + 1, figures: totals.entries(), isOver: false, finding };
    }
  }
  return { seedsRun: seeds, figures: totals.entries(), isOver: false, finding: null };
}

parentPort?.on('message', (task: Task) => {
  parentPort?.postMessage(runTask(task));
});
