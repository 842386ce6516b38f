/** Runs the program as a user does: a process of its own, its streams, its exit code. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ensureClusterFiles } from '../../../services/local/cluster-files.ts';

const entryFile = resolve(import.meta.dirname, '../../../services/cli/main.ts');

export interface CliResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface CliFolder {
  readonly folder: string;
  /** Loopback addresses of the regions eu-west and us-east. */
  readonly binds: readonly [string, string];
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CliResult>;
  remove(): Promise<void>;
}

/** A data folder with a cluster of two regions on addresses of its own; nothing runs. */
export async function createCliFolder(): Promise<CliFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'meridian-cli-'));
  const second = 80 + Math.floor(Math.random() * 170);
  const network = `127.${String(second)}.${String(process.pid % 250)}`;
  const binds = [`${network}.2`, `${network}.3`] as const;
  await ensureClusterFiles(folder, {
    regions: [
      { id: 'eu-west', name: 'Frankfurt', bind: binds[0], latitude: 50, longitude: 8 },
      { id: 'us-east', name: 'Virginia', bind: binds[1], latitude: 39, longitude: -77 },
    ],
  });
  return {
    folder,
    binds,
    run: async (args, env = {}) => runCli(args, { MERIDIAN_DATA: folder, ...env }),
    remove: async () => rm(folder, { recursive: true, force: true }),
  };
}

/** One run, without a terminal. */
export async function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CliResult> {
  const child = spawn(process.execPath, [entryFile, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const chunks = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (chunks.out += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (chunks.err += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...chunks };
}
