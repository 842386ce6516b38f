/** Runs one job of a stage as a program of its own and says what it has shown. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { nodeCacheFolder } from '../../../infra/scripts/parts.mjs';
import { type Outcome, outcomeOfProgram, outcomeOfTests } from './outcome.ts';
import { runProgram } from './run-program.ts';
import type { Job, Selection } from './stages.ts';
import { markedEnvironment } from './stray-processes.ts';

const repositoryFolder = join(import.meta.dirname, '../../..');

export async function runJob(job: Job, { isLong }: Selection): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-test-'));
  // PostgreSQL never runs as root, and its data may lie in here.
  chmodSync(folder, 0o755);
  const env = markedEnvironment(
    {
      ...process.env,
      PATH: `${join(repositoryFolder, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}`,
      MERIDIAN_TEST: '1',
      NODE_COMPILE_CACHE: nodeCacheFolder(),
      ...(isLong && { MERIDIAN_TEST_LONG: '1' }),
    },
    folder,
  );
  const resultFile = join(folder, 'results.jsonl');
  try {
    const command = commandOf(job, resultFile);
    const result = await runProgram({ ...command, env, deadlineMs: job.deadlineMs });
    if (job.kind !== 'tests') return outcomeOfProgram(job.title, result);
    const resultText = existsSync(resultFile) ? readFileSync(resultFile, 'utf8') : '';
    return outcomeOfTests(job.title, resultText, result);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

function commandOf(job: Job, resultFile: string): Command {
  switch (job.kind) {
    case 'script':
      return { program: 'sh', args: ['-c', ...job.targets.map(packageScript)] };
    case 'program':
      return { program: process.execPath, args: job.targets };
    case 'tests': {
      const reporter = join(import.meta.dirname, 'result-reporter.ts');
      const reporting = [
        `--test-reporter=${reporter}`,
        `--test-reporter-destination=${resultFile}`,
      ];
      const loader = join(import.meta.dirname, 'load-test-files.ts');
      return { program: process.execPath, args: [...reporting, loader, ...job.targets] };
    }
  }
}

/** As package.json has it, without starting npm for each. */
function packageScript(name: string): string {
  const text = readFileSync(join(repositoryFolder, 'package.json'), 'utf8');
  const { scripts } = JSON.parse(text) as { scripts: Record<string, string> };
  const script = scripts[name];
  if (script === undefined) throw new Error(`package.json has no script ${name}`);
  return script;
}
