/** Certificates by which a copy follows a server of somebody else's: libpq wants files. */
import { chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ForeignWay } from '../../../shared/pg/foreign-server.ts';
import type { RunAs } from '../process/managed-process.ts';
import { writeFileWhole } from '../process/whole-file.ts';
import type { NodeFolder } from './node-folder.ts';
import type { AdoptedPlace } from './settings.ts';

/** Writes them for `owner` alone; null: plain text needs none. */
export async function writeAdoptedFiles(
  node: NodeFolder,
  way: ForeignWay,
  owner: RunAs,
): Promise<AdoptedPlace['tls']> {
  if (way === 'plain') return null;
  const folder = folderOf(node);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (owner !== null) await chown(folder, owner.uid, owner.gid);
  const write = async (name: string, text: string): Promise<string> => {
    await writeFileWhole(join(folder, name), text, { mode: 0o600, owner });
    return join(folder, name);
  };
  const { isNameChecked, own } = way;
  const authority = await write('authority.pem', way.authority);
  if (own === null) return { isNameChecked, authority, own };
  const key = await write('own-key.pem', own.key);
  const certificate = await write('own.pem', own.certificate);
  return { isNameChecked, authority, own: { certificate, key } };
}

export async function removeAdoptedFiles(node: NodeFolder): Promise<void> {
  await rm(folderOf(node), { recursive: true, force: true });
}

/** Beside the node's own, not among the data: a base backup is no place for keys. */
function folderOf({ folder }: NodeFolder): string {
  return join(folder, 'adopted-tls');
}
