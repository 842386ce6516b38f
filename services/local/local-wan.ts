/** The WAN of a local cluster: settings, the proxies' process, how each region sees the hosts. */
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterBase } from '../../shared/config/cluster-schema.ts';
import { sleep } from '../../shared/runtime/sleep.ts';
import { lastLines, openLogFile } from './process/log-file.ts';
import {
  endProcess,
  identityOf,
  readPidFile,
  removePidFile,
  writePidFile,
} from './process/process-identity.ts';
import { writeFileWhole } from './process/whole-file.ts';
import { clusterPaths, localRegionPaths } from './region-paths.ts';
import { createWanClient, type WanClient } from './wan/wan-control.ts';
import {
  ensureWanSettings,
  readWanSettings,
  wanHostsOf,
  type WanPlace,
} from './wan/wan-settings.ts';

const startBoundMs = 15_000;

/** Starts the proxies unless they run. Throws, in plain words, when they cannot start. */
export async function startLocalWan(
  stateFolder: string,
  cluster: ClusterBase,
  place?: WanPlace,
): Promise<void> {
  const { wanFile } = clusterPaths(stateFolder);
  const settings = await ensureWanSettings(wanFile, cluster, place);
  for (const { id } of cluster.regions) {
    const hosts = JSON.stringify(wanHostsOf(settings, id), null, 2);
    await writeFileWhole(localRegionPaths(stateFolder, id).wanHostsFile, hosts);
  }
  if (readPidFile(pidFileOf(stateFolder)) !== null) return;
  const logFile = await spawnProxies(stateFolder);
  const client = createWanClient(settings);
  const deadline = performance.now() + startBoundMs;
  try {
    while (
      !(await client.show().then(
        () => true,
        () => false,
      ))
    ) {
      const isGone = readPidFile(pidFileOf(stateFolder)) === null;
      if (isGone || performance.now() > deadline) {
        throw new Error(
          `The WAN proxies did not start: ${lastLines(logFile, 1).join('')} (${logFile})`,
        );
      }
      await sleep(100);
    }
  } finally {
    await client.close();
  }
}

/** Ends the proxies; false when none ran. */
export async function stopLocalWan(stateFolder: string): Promise<boolean> {
  const file = pidFileOf(stateFolder);
  const identity = readPidFile(file);
  if (identity !== null) await endProcess(identity, 'SIGTERM', 6000);
  removePidFile(file);
  return identity !== null;
}

/** A client of the running proxies, or null when the cluster was started without `--wan`. */
export function localWanClient(stateFolder: string): WanClient | null {
  if (readPidFile(pidFileOf(stateFolder)) === null) return null;
  const settings = readWanSettings(clusterPaths(stateFolder).wanFile);
  return settings === null ? null : createWanClient(settings);
}

async function spawnProxies(stateFolder: string): Promise<string> {
  const { logsFolder, runFolder, wanFile } = clusterPaths(stateFolder);
  await mkdir(logsFolder, { recursive: true });
  await mkdir(runFolder, { recursive: true });
  const logFile = join(logsFolder, 'wan.log');
  const log = openLogFile(logFile);
  const entry = join(import.meta.dirname, 'wan/wan-process.ts');
  const child = spawn(process.execPath, [entry, wanFile], {
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const identity = child.pid === undefined ? null : identityOf(child.pid);
  if (identity !== null) writePidFile(pidFileOf(stateFolder), identity);
  child.on('error', () => undefined);
  child.unref();
  return logFile;
}

function pidFileOf(stateFolder: string): string {
  return join(clusterPaths(stateFolder).runFolder, 'wan.pid');
}
