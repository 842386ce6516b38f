/**
 * Tells a process from a later one with the same id: the kernel's start time makes it unique
 * (proc(5), field 22 of /proc/<pid>/stat).
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { sleep } from '../../../shared/runtime/sleep.ts';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between the machine's boot and the start of the process. */
  readonly startTicks: string;
}

const pollMs = 50;

/** The identity of a running process, or null when there is none with this id (or a zombie). */
export function identityOf(pid: number): ProcessIdentity | null {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTicks] = [fields[0], fields[19]];
    if (startTicks === undefined || state === 'Z' || state === 'X') return null;
    return { pid, startTicks };
  } catch {
    return null;
  }
}

/** Whether that very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identityOf(identity.pid)?.startTicks === identity.startTicks;
}

/** Keeps the identity in `file`, for whoever must stop the process after its parent's death. */
export function writePidFile(file: string, identity: ProcessIdentity): void {
  writeFileSync(file, JSON.stringify(identity));
}

/** What `file` names, if that process still runs; a stale or unreadable file counts as nobody. */
export function readPidFile(file: string): ProcessIdentity | null {
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as Partial<ProcessIdentity>;
    const { pid, startTicks } = content;
    if (typeof pid !== 'number' || typeof startTicks !== 'string') return null;
    return isAlive({ pid, startTicks }) ? { pid, startTicks } : null;
  } catch {
    return null;
  }
}

export function removePidFile(file: string): void {
  rmSync(file, { force: true });
}

/** Sends `signal` to that very process; false when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Whether the process ended within `boundMs` milliseconds. */
export async function waitForEnd(identity: ProcessIdentity, boundMs: number): Promise<boolean> {
  const deadline = performance.now() + boundMs;
  while (isAlive(identity)) {
    if (performance.now() >= deadline) return false;
    await sleep(pollMs);
  }
  return true;
}

/** Ends the process with `signal`, and with SIGKILL when `boundMs` milliseconds were not enough. */
export async function endProcess(
  identity: ProcessIdentity,
  signal: NodeJS.Signals,
  boundMs: number,
): Promise<void> {
  if (signalProcess(identity, signal) && (await waitForEnd(identity, boundMs))) return;
  signalProcess(identity, 'SIGKILL');
  await waitForEnd(identity, 5000);
}
