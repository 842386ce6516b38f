/** One step of the preparation: its progress line with seconds, the programs it runs, its end. */
import { spawnSync } from 'node:child_process';

export class PrepareError extends Error {}

/**
 * @template T
 * @param {string} title
 * @param {() => T} action
 */
export function step(title, action) {
  const startedMs = performance.now();
  process.stderr.write(`prepare: ${title} …`);
  let outcome = 'failed';
  try {
    const result = action();
    outcome = 'done';
    return result;
  } finally {
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    process.stderr.write(` ${outcome}, ${seconds} s\n`);
  }
}

/**
 * The program's output is shown only when it fails.
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 */
export function runQuietly(program, args, options = {}) {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  if (result.error) throw new PrepareError(`${program}: ${result.error.message}`);
  if (result.status === 0) return;
  const output = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-30).join('\n');
  const ending = result.signal ?? `exit code ${result.status}`;
  throw new PrepareError(`${program} ${args.join(' ')} ended with ${ending}:\n${output}`);
}

/**
 * A part that cannot be installed is explained in words, without a stack trace.
 * @param {() => void} action
 */
export function orExplain(action) {
  try {
    action();
  } catch (error) {
    if (!(error instanceof PrepareError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}
