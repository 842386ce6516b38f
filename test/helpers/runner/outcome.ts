/** What a program of the test run has shown: tests passed, skipped, and failed with the reason. */
import { basename } from 'node:path';
import type { ReportedTest } from './result-reporter.ts';
import type { ProgramResult } from './run-program.ts';

export interface Failure {
  readonly name: string;
  readonly detail: string;
}

export interface Outcome {
  readonly passed: number;
  readonly skipped: number;
  readonly failures: readonly Failure[];
}

export const nothingRun: Outcome = { passed: 0, skipped: 0, failures: [] };

const OUTPUT_LINES_SHOWN = 60;

export function joinOutcomes(outcomes: readonly Outcome[]): Outcome {
  return {
    passed: outcomes.reduce((sum, { passed }) => sum + passed, 0),
    skipped: outcomes.reduce((sum, { skipped }) => sum + skipped, 0),
    failures: outcomes.flatMap(({ failures }) => failures),
  };
}

/** Of test files: `resultText` is what the reporter wrote. */
export function outcomeOfTests(title: string, resultText: string, result: ProgramResult): Outcome {
  const tests = resultText
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ReportedTest);
  const count = (kind: ReportedTest['result']): number =>
    tests.filter((test) => test.result === kind).length;
  const failures = tests
    .filter((test) => test.result === 'failed')
    .map(({ name, file, detail }) => ({ name: `${basename(file)}: ${name}`, detail }));
  const notes = tests.filter((test) => test.result === 'note').map(({ detail }) => detail);
  const wrong = whatWentWrong(result);
  const isUnexplained = wrong !== undefined && (result.isTimedOut || failures.length === 0);
  if (isUnexplained) failures.push({ name: title, detail: [wrong, ...notes].join('\n') });
  else if (tests.length === 0) failures.push({ name: title, detail: 'It holds no test.' });
  const [first, ...others] = failures;
  const withOutput =
    first === undefined ? [] : [{ ...first, detail: withTail(first.detail, result) }, ...others];
  return {
    passed: count('passed'),
    skipped: count('skipped'),
    failures: [...withOutput, ...strayFailures(title, result)],
  };
}

/** Of any other program: its own count if its last line is one, else one test by exit code. */
export function outcomeOfProgram(title: string, result: ProgramResult): Outcome {
  const lastLine = result.output.trimEnd().split('\n').at(-1) ?? '';
  const counts = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/.exec(lastLine);
  const wrong = whatWentWrong(result);
  const failure = { name: title, detail: withTail(wrong ?? '', result) };
  const failedCount = counts === null ? Number(wrong !== undefined) : Number(counts[2]);
  const failures = Array.from({ length: failedCount }, (_, index) =>
    index === 0 ? failure : { name: `${title} (${index + 1})`, detail: '' },
  );
  if (wrong !== undefined && failures.length === 0) failures.push(failure);
  return {
    passed: counts === null ? Number(wrong === undefined) : Number(counts[1]),
    skipped: Number(counts?.[3] ?? 0),
    failures: [...failures, ...strayFailures(title, result)],
  };
}

function whatWentWrong({ isTimedOut, exitCode }: ProgramResult): string | undefined {
  if (isTimedOut) return 'Not finished within its deadline; ended by force.';
  if (exitCode === null) return 'Ended by a signal.';
  return exitCode === 0 ? undefined : `Exit code ${exitCode}.`;
}

function withTail(detail: string, { output }: ProgramResult): string {
  const lines = output.trimEnd().split('\n').slice(-OUTPUT_LINES_SHOWN);
  return [detail, ...lines].filter((line) => line !== '').join('\n');
}

function strayFailures(title: string, { strays }: ProgramResult): readonly Failure[] {
  if (strays.length === 0) return [];
  return [{ name: `${title} leaves no process behind`, detail: strays.join('\n') }];
}
