/**
 * Makes the files of a local cluster while other processes may do the same (`region up` in three
 * terminals at once): one makes them, the others wait and find them.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewCluster } from '../../local/cluster-files.ts';
import { prepareLocalCluster } from '../../local/local-cluster.ts';

const lookEveryMs = 50;

/** Returns when the cluster's files are there; a lock whose owner has died is taken over. */
export async function prepareOnce(stateFolder: string, wanted?: NewCluster): Promise<void> {
  await mkdir(stateFolder, { recursive: true });
  const lockFile = join(stateFolder, 'making.lock');
  while (!(await tryLock(lockFile))) await sleep(lookEveryMs);
  try {
    await prepareLocalCluster(stateFolder, wanted);
  } finally {
    await rm(lockFile, { force: true });
  }
}

async function tryLock(lockFile: string): Promise<boolean> {
  try {
    await writeFile(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const owner = Number(await readFile(lockFile, 'utf8').catch(() => '0'));
  // An empty file is being written this very moment.
  if (owner > 0 && !isAlive(owner)) await rm(lockFile, { force: true });
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
