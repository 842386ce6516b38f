/**
 * Runs one program of the test run: in a process group of its own, with a deadline, its output
 * kept. Whatever it leaves behind is found, ended and reported.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { endStrays, findStrays, listMarked } from './stray-processes.ts';

export interface ProgramRequest {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly deadlineMs: number;
}

export interface ProgramResult {
  readonly exitCode: number | null;
  readonly isTimedOut: boolean;
  readonly output: string;
  /** Command lines of processes that were still there afterwards. */
  readonly strays: readonly string[];
}

const OUTPUT_CHARS_MAX = 200_000;
const OUTPUT_DRAIN_MS = 1000;
/** By process group, with the environment that marks what the program starts. */
const running = new Map<number, NodeJS.ProcessEnv>();

export async function runProgram(request: ProgramRequest): Promise<ProgramResult> {
  const child = spawn(request.program, request.args, {
    env: request.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const group = child.pid;
  const closed = once(child, 'close');
  if (group !== undefined) running.set(group, request.env);
  let output = '';
  const keep = (chunk: string): void => {
    output = (output + chunk).slice(-OUTPUT_CHARS_MAX);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  let isTimedOut = false;
  const deadline = setTimeout(() => {
    isTimedOut = true;
    if (group !== undefined) endGroup(group);
  }, request.deadlineMs);
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', resolve);
  });
  clearTimeout(deadline);
  const strays = await findStrays(request.env);
  endStrays(strays);
  if (group !== undefined) {
    endGroup(group);
    running.delete(group);
  }
  // A process that escaped even so may hold the output open.
  await Promise.race([closed, delay(OUTPUT_DRAIN_MS, undefined, { ref: false })]);
  return { exitCode, isTimedOut, output, strays: strays.map(({ command }) => command) };
}

/** For the moment when the run itself is interrupted. */
export function endRunningPrograms(): void {
  for (const [group, env] of running) {
    endGroup(group);
    endStrays(listMarked(env));
  }
}

function endGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
