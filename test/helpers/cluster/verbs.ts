/** Verbs of the CLI as a person types them, for the cluster in a folder. */
import { spawn, type ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';

export interface VerbEnd {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const entry = resolve(import.meta.dirname, '../../../services/cli/main.ts');

/** Resolves when the verb has ended, whatever came of it. */
export async function runVerb(stateFolder: string, ...words: readonly string[]): Promise<VerbEnd> {
  const child = spawn(process.execPath, [entry, '--data', stateFolder, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((done) => child.once('close', done));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await ended, out: out.trim(), err };
}

/** `meridian region up`: the process runs until it is ended. */
export function startAgent(stateFolder: string, region: string): ChildProcess {
  const words = [entry, '--data', stateFolder, 'region', 'up', region];
  return spawn(process.execPath, words, { stdio: 'ignore' });
}
