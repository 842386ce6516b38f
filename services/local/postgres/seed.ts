/**
 * Base backups into a node's folder: of another region's node, recovered and promoted to a node of
 * this region's own, or of the region's own node, left as its standby.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { chown, mkdir, readdir, readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { Transform, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type Extract, type Header } from 'tar-stream';
import { parseLsn, type Lsn } from '../../../shared/core/lsn.ts';
import { physicalSlotOf } from '../../../shared/core/node.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { startBaseBackup } from '../../../shared/pg/base-backup.ts';
import { withPg, type PgTarget, type PgClient } from '../../../shared/pg/client.ts';
import type { ForeignWay } from '../../../shared/pg/foreign-server.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import type { RunAs } from '../process/managed-process.ts';
import { checkRoom } from '../process/disk-room.ts';
import { writeFileWhole } from '../process/whole-file.ts';
import { postgresMajorVersion } from '../programs.ts';
import type { RegionContext } from '../region-context.ts';
import { makeEmptyData } from './node-folder.ts';
import { withOneServer, type OneServer } from './one-server.ts';
import { bringForward, readSchemaFiles } from './schema.ts';
import type { ServerRun } from './server-process.ts';
import { keptAutoSettings } from './settings.ts';

export type OnProgress = (doneBytes: number, totalBytes: number | null) => void;

export interface SeedSource {
  readonly host: string;
  readonly port: number;
  readonly foreign?: ForeignWay;
}

export interface Seed {
  readonly run: Pick<ServerRun, 'node' | 'port' | 'folder'>;
  readonly source: SeedSource;
  readonly onProgress: OnProgress;
  /** Aborted when the agent ends. */
  readonly signal: AbortSignal;
}

const recoveryBoundMs = 30 * 60_000;

/**
 * Copies the source's node, recovers the copy to the end of its WAL on a timeline of its own and
 * makes region-local state new. Returns where the recovery ended. Throws SeedFailed.
 */
export async function seedFromRegion(context: RegionContext, seed: Seed): Promise<Lsn> {
  const { folder } = seed.run;
  await copyData(context, seed);
  const signalFile = join(folder.dataFolder, 'recovery.signal');
  await writeFileWhole(signalFile, '', { mode: 0o600, owner: context.postgresUser });
  await withOneServer(context, { ...seed.run, isRecovering: true }, async (server) => {
    await untilRecovered(server, seed.signal);
    const schema = await readSchemaFiles(context);
    await server.query(context.cluster.database, async (client) => {
      await bringForward(client, schema);
      await makeLocalStateNew(client);
    });
  });
  return readSwitchPoint(folder.dataFolder);
}

/** Copies the region's own node and leaves the copy as its standby, with a slot of its own. */
export async function seedStandbyOf(context: RegionContext, seed: Seed): Promise<void> {
  await ensurePhysicalSlot(context, seed);
  await copyData(context, seed);
  const signalFile = join(seed.run.folder.dataFolder, 'standby.signal');
  await writeFileWhole(signalFile, '', { mode: 0o600, owner: context.postgresUser });
}

/** Makes the slot that the standby streams from, unless it is there. */
export async function ensurePhysicalSlot(
  context: RegionContext,
  seed: Pick<Seed, 'run' | 'source'>,
): Promise<void> {
  const slot = physicalSlotOf(seed.run.node);
  await withPg(
    {
      ...sourceTarget(context, seed.source),
      user: 'meridian_owner',
      password: context.secrets.shared.postgres.owner,
    },
    (client) =>
      client.query(
        `SELECT pg_create_physical_replication_slot($1, true)
       WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)`,
        [slot],
      ),
  );
}

function sourceTarget(context: RegionContext, source: SeedSource): PgTarget {
  return {
    ...source,
    database: context.cluster.database,
    user: 'meridian_replicator',
    password: context.secrets.shared.postgres.replicator,
    applicationName: 'meridian_seed',
    options: '-c synchronous_commit=local',
  };
}

/** The data folder of the source, to be recovered; settings of its own are left behind. */
export async function copyData(context: RegionContext, seed: Seed): Promise<void> {
  const { dataFolder } = seed.run.folder;
  await makeEmptyData(seed.run.folder, context.postgresUser);
  try {
    const { kilobytesPerSecondMax } = context.cluster.seed;
    const majorVersion = postgresMajorVersion(context.programs.postgresHome);
    const options = { label: 'meridian', kilobytesPerSecondMax, majorVersion };
    const backup = await startBaseBackup(sourceTarget(context, seed.source), options);
    const giveUp = (): void => backup.abort();
    seed.signal.addEventListener('abort', giveUp, { once: true });
    try {
      const totalBytes = await backup.totalBytes;
      await checkRoom(dataFolder, totalBytes);
      seed.onProgress(0, totalBytes);
      const counter = countBytes((doneBytes) =>
        seed.onProgress(doneBytes, Math.max(totalBytes, doneBytes)),
      );
      await Promise.all([
        pipeline(backup.tar, counter, unpackInto(dataFolder, context.postgresUser)),
        backup.finished,
      ]);
    } finally {
      seed.signal.removeEventListener('abort', giveUp);
      backup.abort();
    }
  } catch (error) {
    const hint = 'It is tried again; the half-made folder is thrown away.';
    const place = `${seed.source.host}:${String(seed.source.port)}`;
    throw new MeridianError('SeedFailed', `The base backup of ${place} failed.`, { hint }, error);
  }
  const autoFile = join(dataFolder, 'postgresql.auto.conf');
  const auto = keptAutoSettings(await readFile(autoFile, 'utf8'));
  await writeFileWhole(autoFile, auto, { mode: 0o600, owner: context.postgresUser });
  await syncFolder(dataFolder);
}

function countBytes(onCount: (bytes: number) => void): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length;
      onCount(bytes);
      next(null, chunk);
    },
  });
}

/** Writes the entries of the archive below `target`, one at a time, as they come. */
function unpackInto(target: string, owner: RunAs): Extract {
  const unpacker = extract();
  unpacker.on('entry', (header, content, next) => {
    writeEntry(header, content as unknown as Readable, { target, owner }).then(() => next(), next);
  });
  return unpacker;
}

async function writeEntry(
  { name, type }: Header,
  content: Readable,
  { target, owner }: { target: string; owner: RunAs },
): Promise<void> {
  const path = join(target, normalize(name));
  if (!`${path}/`.startsWith(`${target}/`)) throw new Error(`${name} leaves the folder`);
  if (type === 'directory') {
    await mkdir(path, { recursive: true, mode: 0o700 });
    content.resume();
  } else if (type === 'file') {
    await pipeline(content, createWriteStream(path, { mode: 0o600 }));
  } else {
    throw new Error(`${name} in the base backup is neither a file nor a folder`);
  }
  if (owner !== null) await chown(path, owner.uid, owner.gid);
}

/** Everything of that file system to disk, before the data may be called complete. */
function syncFolder(folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('sync', ['-f', folder], { stdio: 'ignore' });
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`sync ended with exit code ${String(code)}`));
    });
  });
}

async function untilRecovered(server: OneServer, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + recoveryBoundMs;
  for (;;) {
    const isRecovering = await server.query('postgres', async (client) => {
      const { rows } = await client.query<{ r: string }>('SELECT pg_is_in_recovery() AS r');
      return rows[0]?.r === 't';
    });
    if (!isRecovering) return;
    if (signal.aborted) throw new Error('The agent was stopped.');
    if (performance.now() > deadline)
      throw new Error('The base backup was not recovered in 30 minutes.');
    await sleep(50);
  }
}

/**
 * The copy brings its source's region-local rows. The applied position stays: it says what a copy
 * of a replica region holds. So does the rest of the fence: whose copy it is, and which epoch its
 * source opened, tells the controller that the end of recovery is the position of a primary's
 * copy. The store goes, because the log it names is the source's.
 */
async function makeLocalStateNew(client: PgClient): Promise<void> {
  await client.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
  const { rows } = await client.query<{ drop: string }>(
    `SELECT format('DROP PUBLICATION %I', pubname) AS drop FROM pg_publication
     WHERE pubname LIKE 'meridian\\_%'`,
  );
  for (const { drop } of rows) await client.query(drop);
  await client.query(`
    BEGIN;
    UPDATE meridian_local.fence
      SET open_epoch = NULL, opened_start = NULL, opened_checkpointer = NULL;
    DELETE FROM meridian_local.checkpoint;
    UPDATE meridian_local.progress SET store = '', updated_at = clock_timestamp();
    COMMIT;
    CHECKPOINT`);
}

/** The last line of the newest timeline's history file: parent, switch point, reason. */
export async function readSwitchPoint(dataFolder: string): Promise<Lsn> {
  const walFolder = join(dataFolder, 'pg_wal');
  const newest = (await readdir(walFolder))
    .filter((name) => name.endsWith('.history'))
    .sort()
    .at(-1);
  if (newest === undefined)
    throw new Error('The recovered base backup has no timeline of its own.');
  const lines = (await readFile(join(walFolder, newest), 'utf8')).trim().split('\n');
  const position = parseLsn(lines.at(-1)?.split('\t')[1] ?? '');
  if (position === null) throw new Error(`${newest} names no switch point.`);
  return position;
}
