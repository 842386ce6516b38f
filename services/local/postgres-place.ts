/**
 * Where PostgreSQL's data and programs go. It never runs as root: when root starts Meridian from a
 * folder that PostgreSQL's user cannot enter, both go below /var/lib/meridian, and the state
 * folder's `location` says so.
 */
import { createHash } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { RunAs } from './process/managed-process.ts';
import { writeFileWhole } from './process/whole-file.ts';
import { canEnter, canRunPostgres, copyPostgres } from './programs.ts';
import { clusterPaths } from './region-paths.ts';

export const systemFolder = '/var/lib/meridian';

/** Decides once where the data of the cluster in `stateFolder` go. */
export async function ensureLocation(
  stateFolder: string,
  user: RunAs,
  base: string = systemFolder,
): Promise<void> {
  const { locationFile } = clusterPaths(stateFolder);
  if (existsSync(locationFile) || canEnter(user, stateFolder)) return;
  const name = createHash('sha256').update(realpathSync(stateFolder)).digest('hex').slice(0, 12);
  const folder = join(base, name);
  await mkdir(folder, { recursive: true, mode: 0o755 });
  await writeFileWhole(locationFile, `${folder}\n`);
}

/** Programs that `user` can run: those at `home`, or a copy of them. */
export async function reachablePostgresHome(
  home: string,
  user: RunAs,
  base: string = systemFolder,
): Promise<string> {
  if (canRunPostgres(user, home)) return home;
  const copy = join(base, `postgresql-${await versionName(home)}`);
  await copyPostgres(home, copy);
  if (canRunPostgres(user, copy)) return copy;
  throw new Error(`The user of PostgreSQL can run neither ${home} nor its copy ${copy}.`);
}

/** Throws, with what to do, when `user` could not work in `folder`. */
export function checkReachable(user: RunAs, folder: string): void {
  if (canEnter(user, folder)) return;
  throw new Error(
    `PostgreSQL does not run as root, and its user cannot enter ${folder}. ` +
      'Choose a folder below /var/lib or /srv with --data.',
  );
}

/** The package's version; another version is another copy. */
async function versionName(home: string): Promise<string> {
  const file = join(dirname(home), 'package.json');
  if (!existsSync(file)) {
    return createHash('sha256').update(realpathSync(home)).digest('hex').slice(0, 12);
  }
  const { version } = JSON.parse(await readFile(file, 'utf8')) as { version: string };
  return version;
}
