/** Ends what an agent that died left running: the region's pid files name the processes. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { endProcess, readPidFile, removePidFile } from './process/process-identity.ts';
import type { RegionPaths } from './region-paths.ts';

const agentFileName = 'agent.pid';

/** The process id of the region's agent, or null when none runs. */
export function runningAgent(paths: RegionPaths): ReturnType<typeof readPidFile> {
  return readPidFile(agentPidFile(paths));
}

export function agentPidFile(paths: RegionPaths): string {
  return join(paths.runFolder, agentFileName);
}

/** Ends every process that the pid files name; returns the names of those that still ran. */
export async function endLeftovers(paths: RegionPaths): Promise<string[]> {
  const names = pidFileNames(paths.runFolder).filter((name) => name !== agentFileName);
  const ended = await Promise.all(
    names.map(async (name) => {
      const file = join(paths.runFolder, name);
      const identity = readPidFile(file);
      // SIGINT is PostgreSQL's fast shutdown; the others take SIGTERM.
      const signal = name.startsWith('pg-') ? 'SIGINT' : 'SIGTERM';
      if (identity !== null) await endProcess(identity, signal, 15_000);
      removePidFile(file);
      return identity === null ? [] : [name.replace(/\.pid$/, '')];
    }),
  );
  return ended.flat();
}

function pidFileNames(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.pid'));
  } catch {
    return [];
  }
}
