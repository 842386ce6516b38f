/**
 * Finds processes that a test program left behind: they carry its mark in their environment, or
 * work in its temporary folder (some servers overwrite their environment with a title).
 */
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface Stray {
  readonly pid: number;
  readonly command: string;
}

const MARK = 'MERIDIAN_TEST_PROGRAM';
const GRACE_MS = 3000;
const POLL_MS = 50;
let programCount = 0;

/** The environment that marks one program and everything it starts. */
export function markedEnvironment(
  base: NodeJS.ProcessEnv,
  temporaryFolder: string,
): NodeJS.ProcessEnv {
  programCount += 1;
  return { ...base, [MARK]: `${process.pid}-${programCount}`, TMPDIR: temporaryFolder };
}

/** Processes that are just ending get a moment to do so. */
export async function findStrays(env: NodeJS.ProcessEnv): Promise<readonly Stray[]> {
  const waitUntilMs = performance.now() + GRACE_MS;
  let strays = listMarked(env);
  while (strays.length > 0 && performance.now() < waitUntilMs) {
    await delay(POLL_MS);
    strays = listMarked(env);
  }
  return strays;
}

export function endStrays(strays: readonly Stray[]): void {
  for (const { pid } of strays) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

/** Right now, without waiting for any to end. */
export function listMarked(env: NodeJS.ProcessEnv): Stray[] {
  const mark = `${MARK}=${env[MARK] ?? ''}`;
  const folder = env.TMPDIR ?? '';
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => isMarked(pid, mark, folder))
    .map((pid) => ({ pid: Number(pid), command: readCommand(pid) }))
    .filter(({ command }) => command !== '');
}

function isMarked(pid: string, mark: string, folder: string): boolean {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return variables.includes(mark) || readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`);
  } catch {
    return false; // Gone meanwhile, or of another user.
  }
}

/** Empty for a process that has ended and only waits for its parent. */
function readCommand(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
