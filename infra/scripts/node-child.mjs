/**
 * Runs a TypeScript entry with the project's Node: same terminal, same process group, and in the
 * end the same exit code or signal.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { locateNode } from './parts.mjs';

/** @type {NodeJS.Signals[]} */
const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
/** Sent by the terminal itself to every process in its foreground. */
const FROM_TERMINAL = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP']);

/** @param {string} entryFile @param {string[]} args */
export function runWithProjectNode(entryFile, args) {
  const child = spawn(locateNode(), [entryFile, ...args], { stdio: 'inherit' });
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (!(FROM_TERMINAL.has(signal) && isInForeground())) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + constants.signals[signal ?? 'SIGTERM']);
  });
}

/** Then the terminal has sent the signal to the child as well. */
function isInForeground() {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const [, , group, , , foregroundGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return group === foregroundGroup;
}
