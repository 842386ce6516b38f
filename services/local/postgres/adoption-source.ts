/** The server that a database is adopted from: where it is, what it is asked, where it stands. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseLsn, type Lsn } from '../../../shared/core/lsn.ts';
import { physicalSlotOf, type NodeId } from '../../../shared/core/node.ts';
import { ownSessionOptions, type PgClient, type PgTarget } from '../../../shared/pg/client.ts';
import { checkWay, foreignTlsSchema, type ForeignWay } from '../../../shared/pg/foreign-server.ts';
import { writeFileWhole } from '../process/whole-file.ts';
import type { RegionContext } from '../region-context.ts';
import type { RegionPaths } from '../region-paths.ts';
import { adoptionSlot } from './settings.ts';
import { ensureRoles } from './setup.ts';

const sourceSchema = z.strictObject({
  host: z.string(),
  port: z.number(),
  database: z.string(),
  /** A superuser. */
  user: z.string(),
  password: z.string(),
  /** Absent: plain text, on this machine. */
  tls: foreignTlsSchema.optional(),
});

/** A session that waits for an answer for so long is cut off from its server. */
const answerBoundMs = 10_000;
/** For what changes the database itself, which may have to wait for others there. */
const changeBoundMs = 60_000;

const placeSchema = sourceSchema.pick({ host: true, port: true, database: true }).strip();

export type AdoptionSource = z.infer<typeof sourceSchema>;

/** Says, while it is there, that a new database is not to be made but this one adopted. */
export function adoptionFile(paths: Pick<RegionPaths, 'folder'>): string {
  return join(paths.folder, 'adopt.json');
}

/** Says afterwards whence the database came. */
export function adoptedFile(paths: Pick<RegionPaths, 'folder'>): string {
  return join(paths.folder, 'adopted.json');
}

/** Says, while it is there, that this region has closed the old database, and no copy is whole. */
export function closingFile(paths: Pick<RegionPaths, 'folder'>): string {
  return join(paths.folder, 'adopt-closing.json');
}

/** Which database the region was told to adopt, or has adopted; null: none. */
export function toldAdoption(
  paths: Pick<RegionPaths, 'folder'>,
): Pick<AdoptionSource, 'host' | 'port' | 'database'> | null {
  const file = [adoptionFile(paths), adoptedFile(paths)].find((one) => existsSync(one));
  if (file === undefined) return null;
  return placeSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
}

export async function writeAdoption(
  paths: Pick<RegionPaths, 'folder'>,
  source: AdoptionSource,
): Promise<void> {
  await mkdir(paths.folder, { recursive: true });
  await writeFileWhole(adoptionFile(paths), JSON.stringify(source), { mode: 0o600 });
}

/** What the region was told to adopt, with the password. Throws when it was told nothing. */
export function readAdoption(paths: Pick<RegionPaths, 'folder'>): AdoptionSource {
  const source = sourceSchema.parse(JSON.parse(readFileSync(adoptionFile(paths), 'utf8')));
  checkWay(source.host, wayTo(source));
  return source;
}

/** What may be kept of it: no password, no key. */
export function originOf({ host, port, database }: AdoptionSource): string {
  return JSON.stringify({ host, port, database });
}

export function wayTo({ tls }: AdoptionSource): ForeignWay {
  return tls ?? 'plain';
}

const ofSlot = 'FROM pg_replication_slots WHERE slot_name = $1';

/** Once nobody follows any more: else it would keep WAL for ever. */
export async function dropAdoptionSlot(old: PgClient): Promise<void> {
  await endFollower(old);
  await old.query(`SELECT pg_drop_replication_slot(slot_name) ${ofSlot}`, [adoptionSlot]);
}

/** Who was cut off holds the slot until the server notices. */
async function endFollower(old: PgClient): Promise<void> {
  const end = `SELECT pg_terminate_backend(active_pid, 5000) ${ofSlot} AND active_pid IS NOT NULL`;
  await old.query(end, [adoptionSlot]);
}

/** The database of the URL is about to be closed, so its server is asked in another one. */
export function targetOf(source: AdoptionSource): PgTarget {
  const { host, port, user, password } = source;
  return {
    ...{ host, port, user, password, foreign: wayTo(source) },
    database: 'postgres',
    applicationName: adoptionSessions,
    options: ownSessionOptions,
    connectTimeoutMs: 5000,
    answerTimeoutMs: answerBoundMs,
  };
}

const adoptionSessions = 'meridian_adoption';

/**
 * What a session that was cut off had sent may come to the server yet, also after what is done
 * next: so such sessions are ended first. Throws while one is left.
 */
export async function endEarlierSessions(old: PgClient): Promise<void> {
  const { rows } = await old.query<{ ended: string }>(
    `SELECT pg_terminate_backend(pid, $2) AS ended FROM pg_stat_activity
     WHERE application_name = $1 AND pid <> pg_backend_pid() AND usename = current_user`,
    [adoptionSessions, answerBoundMs / 2],
  );
  if (rows.every(({ ended }) => ended === 't')) return;
  throw new Error('A session of an earlier attempt does not end on the old server.');
}

/** In the database itself, where no event trigger of somebody else's may fire. */
export function insideOf(source: AdoptionSource): PgTarget {
  const options = `${ownSessionOptions} -c event_triggers=off`;
  const answerTimeoutMs = changeBoundMs;
  return { ...targetOf(source), database: source.database, options, answerTimeoutMs };
}

/** Roles and a slot on the old server. Returns its limits, which the copy must have as well. */
export async function prepareOld(context: RegionContext, client: PgClient): Promise<string[]> {
  await client.query("SET log_statement = 'none'; SET password_encryption = 'scram-sha-256'");
  await ensureRoles(context, client);
  await endFollower(client);
  await client.query(
    `SELECT pg_create_physical_replication_slot($1, true)
     WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)`,
    [adoptionSlot],
  );
  const { rows } = await client.query<{ name: string; setting: string }>(
    'SELECT name, setting FROM pg_settings WHERE name = ANY($1)',
    [Object.keys(limitsMin)],
  );
  return rows
    .filter(({ name, setting }) => Number(setting) > (limitsMin[name] ?? 0))
    .map(({ name, setting }) => `${name} = ${setting}`);
}

/** Those of infra/postgres/postgresql.conf and PostgreSQL's default: lower ones stay unused. */
const limitsMin: Readonly<Record<string, number>> = {
  max_connections: 150,
  max_worker_processes: 8,
  max_wal_senders: 16,
  max_locks_per_transaction: 64,
};

export interface Standing {
  /** Of the old server's WAL, on its disk. */
  readonly end: Lsn;
  /** What the copy has on its disk, and has replayed; null while it does not stream. */
  readonly flushed: Lsn | null;
  readonly replayed: Lsn | null;
}

/** As the old server knows it: the copy itself lets nobody in. */
export async function standingOf(old: PgClient, copy: NodeId): Promise<Standing> {
  const { rows } = await old.query<Record<string, string | null>>(
    `SELECT pg_current_wal_flush_lsn() AS end, max(flush_lsn) AS flush_lsn,
       max(replay_lsn) AS replay_lsn
     FROM pg_stat_replication WHERE application_name = $1 AND state <> 'backup'`,
    [physicalSlotOf(copy)],
  );
  const end = parseLsn(rows[0]?.['end'] ?? '');
  if (end === null) throw new Error('PostgreSQL names no position.');
  const at = (name: string): Lsn | null => parseLsn(rows[0]?.[name] ?? '');
  return { end, flushed: at('flush_lsn'), replayed: at('replay_lsn') };
}

/** Writes a mark that means nothing into the WAL there; returns where it ends, on disk. */
export async function markEnd(old: PgClient): Promise<Lsn> {
  const { rows } = await old.query<{ end: string }>(
    `SELECT pg_logical_emit_message(false, 'meridian-adoption', '', true) AS end`,
  );
  const end = parseLsn(rows[0]?.end ?? '');
  if (end === null) throw new Error('PostgreSQL names no position.');
  return end;
}
