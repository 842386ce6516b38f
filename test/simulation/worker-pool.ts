/** Spreads seeds over the machine's cores. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { PlantName } from './plants.ts';
import { Totals } from './totals.ts';
import type { Finding, Task, TaskResult } from './worker.ts';
import type { WorldName } from './worlds.ts';

/** So many seeds are one task: few enough for the deadline, many enough to be worth a message. */
const seedsPerTask = 10;

export interface Campaign {
  readonly world: WorldName;
  readonly plant: PlantName | null;
  readonly first: number;
  /** Not more seeds than that. */
  readonly seeds: number;
  /** No further task after so many seconds. */
  readonly seconds: number;
}

export interface CampaignResult {
  readonly seeds: number;
  readonly totals: Totals;
  /** The violation of the lowest seed. */
  readonly finding: Finding | null;
}

export class WorkerPool {
  readonly #workers = Array.from(
    { length: Math.max(2, availableParallelism()) },
    () => new Worker(new URL('./worker.ts', import.meta.url)),
  );

  /** Runs seeds until their number, the time or a violation ends it. */
  async run(campaign: Campaign): Promise<CampaignResult> {
    const endMs = performance.now() + campaign.seconds * 1000;
    let end = campaign.first + campaign.seeds;
    const totals = new Totals();
    const findings: Finding[] = [];
    let next = campaign.first;
    let seeds = 0;
    const work = async (worker: Worker): Promise<void> => {
      while (next < end && performance.now() < endMs && findings.length === 0) {
        const first = next;
        next += seedsPerTask;
        const task: Task = { ...campaign, first, seeds: Math.min(seedsPerTask, end - first) };
        const result = await this.#ask(worker, task);
        seeds += result.seedsRun;
        totals.add(result.figures);
        if (result.finding !== null) findings.push(result.finding);
        if (result.isOver) end = next;
      }
    };
    await Promise.all(this.#workers.map(work));
    const finding = findings.toSorted((a, b) => a.seed - b.seed)[0] ?? null;
    return { seeds, totals, finding };
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #ask(worker: Worker, { world, plant, first, seeds }: Task): Promise<TaskResult> {
    return new Promise((resolve, reject) => {
      const onMessage = (result: TaskResult): void => {
        worker.off('error', onError);
        resolve(result);
      };
      const onError = (error: Error): void => {
        worker.off('message', onMessage);
        reject(error);
      };
      worker.once('message', onMessage);
      worker.once('error', onError);
      worker.postMessage({ world, plant, first, seeds } satisfies Task);
    });
  }
}
