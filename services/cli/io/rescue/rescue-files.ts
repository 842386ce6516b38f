/** The files of a region that begin anew: Kafka's folder, the owner mark, the cluster file. */
import { existsSync } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { writeFileWhole } from '../../../local/process/whole-file.ts';
import type { RegionPaths } from '../../../local/region-paths.ts';
import type { FileChange } from '../../core/rescue/rescued-cluster.ts';
import { changedCluster } from '../changed-cluster.ts';

/** Moves what there is at `path` to `<path>.<word>-<time>`; returns the new name, or null. */
export async function setAside(path: string, word: string): Promise<string | null> {
  if (!existsSync(path)) return null;
  const aside = `${path}.${word}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  await rename(path, aside);
  return aside;
}

/** The folder belongs to no cluster any more: the next start makes it its own. */
export async function disown(paths: RegionPaths): Promise<void> {
  await rm(paths.ownerFile, { force: true });
}

/** Changes the cluster file, comments stay; the old one is kept beside it. */
export async function changeClusterFile(
  file: string,
  changes: readonly FileChange[],
): Promise<string> {
  const kept = `${file}.before-rescue`;
  const document = changedCluster(file, changes);
  await copyFile(file, kept);
  await writeFileWhole(file, document.toString());
  return kept;
}
