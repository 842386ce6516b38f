/**
 * The folder of one PostgreSQL node: `data/`, and `node.json`, which is written when the data are
 * complete. Data without it are half made and may only be thrown away.
 */
import { existsSync, readFileSync } from 'node:fs';
import { chmod, chown, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseLsn, type Lsn } from '../../../shared/core/lsn.ts';
import { parseNodeId, type NodeId } from '../../../shared/core/node.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { NodeMode } from '../../../shared/ports/node-control.ts';
import type { RunAs } from '../process/managed-process.ts';
import { writeFileWhole } from '../process/whole-file.ts';

export interface NodeFolder {
  readonly folder: string;
  readonly dataFolder: string;
  readonly recordFile: string;
}

/** What the agent remembers about complete data. */
export interface NodeRecord {
  /** Started in this mode after a restart of the agent; null: not started by itself. */
  readonly lastMode: NodeMode | null;
  readonly primary: NodeId | null;
  /** Where the recovery of the base backup ended, as X/X. */
  readonly recoveredTo: string | null;
  /** Digest of the SQL that saw to Meridian's own tables here (schema.ts); null: not known. */
  readonly schema: string | null;
}

export const freshRecord: NodeRecord = {
  ...{ lastMode: null, primary: null, recoveredTo: null, schema: null },
};

/** Where the recovery of the base backup ended. */
export function recoveredToOf(record: NodeRecord | null): Lsn | null {
  const text = record?.recoveredTo ?? null;
  return text === null ? null : parseLsn(text);
}

const recordSchema = z.object({
  version: z.literal(1),
  lastMode: z.enum(['normal', 'isolated', 'standby']).nullable(),
  primary: z.string().nullable(),
  recoveredTo: z.string().nullable(),
  schema: z.string().nullable().default(null),
});

export function nodeFolder(postgresFolder: string, name: string): NodeFolder {
  const folder = join(postgresFolder, name);
  return { folder, dataFolder: join(folder, 'data'), recordFile: join(folder, 'node.json') };
}

export function dataStateOf(folder: NodeFolder): 'none' | 'half-made' | 'ready' {
  if (!existsSync(folder.dataFolder)) return 'none';
  return existsSync(folder.recordFile) ? 'ready' : 'half-made';
}

/**
 * Whether the data are those of a standby. PostgreSQL itself removes this file when a standby is
 * promoted, so it is right even when the agent died at that moment.
 */
export function isStandbyData(folder: NodeFolder): boolean {
  return existsSync(join(folder.dataFolder, 'standby.signal'));
}

/** Throws RequestInvalid, with the reason, when a server of `mode` must not start on the data. */
export function checkStart(
  folder: NodeFolder,
  wanted: { readonly node: NodeId; readonly mode: NodeMode; readonly primary: NodeId | null },
): void {
  const { node, mode, primary } = wanted;
  const data = dataStateOf(folder);
  const refuse = (message: string): never => {
    throw new MeridianError('RequestInvalid', message, { node });
  };
  if (data !== 'ready') refuse(`The data of ${node} are not complete (${data}).`);
  const isStandby = isStandbyData(folder);
  if (mode === 'normal' && isStandby) refuse(`${node} is a standby: promote it.`);
  if (mode === 'standby' && !isStandby) {
    refuse(`${node} was a server of its own: seed it as a standby.`);
  }
  if (mode === 'standby' && primary === null) refuse('A standby needs a primary to follow.');
}

/** The record, or null when the data are not complete. Throws on a record it cannot read. */
export function readRecord(folder: NodeFolder): NodeRecord | null {
  if (dataStateOf(folder) !== 'ready') return null;
  const record = recordSchema.parse(JSON.parse(readFileSync(folder.recordFile, 'utf8')));
  return { ...record, primary: record.primary === null ? null : parseNodeId(record.primary) };
}

export async function writeRecord(folder: NodeFolder, record: NodeRecord): Promise<void> {
  await writeFileWhole(folder.recordFile, JSON.stringify({ version: 1, ...record }));
}

/** An empty data folder that belongs to `owner`; what a broken attempt left there goes. */
export async function makeEmptyData(folder: NodeFolder, owner: RunAs): Promise<void> {
  await rm(folder.recordFile, { force: true });
  await rm(folder.dataFolder, { recursive: true, force: true });
  await mkdir(folder.dataFolder, { recursive: true });
  await chmod(folder.dataFolder, 0o700);
  if (owner !== null) await chown(folder.dataFolder, owner.uid, owner.gid);
}

/** Moves the node's folder to `<folder>.aside-<time>`; returns the new name. */
export async function moveAside(folder: NodeFolder, now: Date): Promise<string> {
  const aside = `${folder.folder}.aside-${now.toISOString().replaceAll(/[:.]/g, '-')}`;
  await rename(folder.folder, aside);
  return aside;
}
