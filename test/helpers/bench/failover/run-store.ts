/** Runs of a benchmark that is measured in pieces: kept as JSON lines, or only in memory. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { Phases } from './phases.ts';

export interface MeasuredRun {
  readonly kind: string;
  readonly isWan: boolean;
  readonly pauseMs: number;
  readonly refused: number;
  readonly unknown: number;
  /** From the end of the fault until every region was healthy and a member again. */
  readonly rejoinMs: number;
  readonly phases: Phases;
  /** Codes of what was not confirmed, with their times. */
  readonly losses: string;
}

export class RunStore {
  readonly #file: string | null;
  readonly #runs: MeasuredRun[];

  /** With a `file` what earlier invocations measured counts too. */
  constructor(file: string | null) {
    this.#file = file;
    const lines = file !== null && existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    this.#runs = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as MeasuredRun);
  }

  of(kind: string, isWan: boolean): readonly MeasuredRun[] {
    return this.#runs.filter((run) => run.kind === kind && run.isWan === isWan);
  }

  add(run: MeasuredRun): void {
    this.#runs.push(run);
    if (this.#file !== null) appendFileSync(this.#file, `${JSON.stringify(run)}\n`);
  }
}
