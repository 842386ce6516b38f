/**
 * Lets the kernel end a child when its parent dies, however that dies: util-linux's setpriv sets
 * PR_SET_PDEATHSIG (prctl(2)) and becomes the program. Where it is missing, the pid files do.
 */
import { spawnSync } from 'node:child_process';

let isAvailable: boolean | null = null;

/** `command` behind setpriv, or as it is. */
export function withDeathSignal(
  command: readonly [string, ...string[]],
  signal: NodeJS.Signals,
): [string, ...string[]] {
  isAvailable ??= spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true']).status === 0;
  if (!isAvailable) return [...command];
  return ['setpriv', '--pdeathsig', signal.slice('SIG'.length), '--', ...command];
}
