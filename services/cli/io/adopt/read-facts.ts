/** Reads, without a change, what the preflight of an adoption decides on. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { locatePrograms, postgresMajorVersion } from '../../../local/programs.ts';
import type { PgClient, PgTarget } from '../../../../shared/pg/client.ts';
import type { ContentFacts } from '../../core/adopt/content-checks.ts';
import type { AdoptFacts, OwnFacts } from '../../core/adopt/preflight.ts';
import type { ServerFacts } from '../../core/adopt/server-checks.ts';
import { readAccess } from './read-access.ts';

/** What a standby, and a copy that recovers, must have at least as high as the original. */
export const copiedLimits = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_locks_per_transaction',
] as const;

/** PostgreSQL's default of the one that Meridian does not set. */
const locksDefault = 64;

/** `client` is a session of `target`. */
export async function readAdoptFacts(client: PgClient, target: PgTarget): Promise<AdoptFacts> {
  const server = await readServer(client);
  const access = await readAccess(client, target);
  return { server, access, content: await readContent(client), own: readOwn() };
}

const serverSql = `SELECT
  current_setting('server_version_num') AS version, version() AS "versionText",
  current_database() AS database, current_user AS "user",
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)::text AS "isSuperuser",
  pg_is_in_recovery()::text AS "isInRecovery",
  (SELECT json_object_agg(name, setting) FROM pg_settings)::text AS settings,
  (SELECT count(*) FROM pg_replication_slots)::text AS slots,
  (SELECT count(*) FROM pg_stat_replication)::text AS senders,
  (SELECT coalesce(json_agg(spcname ORDER BY spcname), '[]') FROM pg_tablespace
    WHERE spcname NOT IN ('pg_default', 'pg_global'))::text AS tablespaces,
  (SELECT coalesce(json_agg(datname ORDER BY datname), '[]') FROM pg_database
    WHERE NOT datistemplate AND datname NOT IN (current_database(), 'postgres'))::text AS others,
  (SELECT coalesce(json_agg(DISTINCT a.usename), '[]') FROM pg_stat_activity a
    JOIN pg_roles r ON r.rolname = a.usename
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND r.rolsuper
      AND a.usename NOT LIKE 'meridian\\_%')::text AS superusers,
  (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)
    FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
  )::text AS oldest`;

async function readServer(client: PgClient): Promise<ServerFacts> {
  const row = await onlyRow(client, serverSql);
  const settings = JSON.parse(row['settings'] ?? '{}') as Record<string, string>;
  return {
    version: Number(row['version']),
    versionText: row['versionText'] ?? '',
    database: row['database'] ?? '',
    user: row['user'] ?? '',
    isSuperuser: row['isSuperuser'] === 'true',
    isInRecovery: row['isInRecovery'] === 'true',
    settings,
    slotsInUse: Number(row['slots']),
    sendersInUse: Number(row['senders']),
    tablespaces: namesIn(row['tablespaces']),
    otherDatabases: namesIn(row['others']),
    superuserSessions: namesIn(row['superusers']),
    oldestTransactionSeconds: Number(row['oldest']),
  };
}

const list = (select: string): string => `(SELECT coalesce(json_agg(name ORDER BY name), '[]')
  FROM (${select}) found)::text`;

/** Tables of applications that keep rows, with their full names. */
const tables = `FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
  WHERE r.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT LIKE 'meridian%'`;
const tableName = `n.nspname || '.' || r.relname AS name`;
const hasVirtual = `EXISTS (SELECT FROM pg_attribute a
  WHERE a.attrelid = r.oid AND a.attgenerated = 'v')`;
const hasNoKey = `r.relpersistence = 'p' AND r.relreplident <> 'f'
  AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid AND i.indisvalid
    AND i.indimmediate AND CASE r.relreplident WHEN 'i' THEN i.indisreplident
      WHEN 'n' THEN false ELSE i.indisprimary END
    AND (current_setting('server_version_num')::int >= 180000 OR NOT EXISTS (
      SELECT FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attgenerated <> ''
        AND a.attnum = ANY ((i.indkey::smallint[])[0:i.indnkeyatts - 1]))))`;

const contentSql = `SELECT
  (SELECT CASE datlocprovider WHEN 'b' THEN 'builtin' WHEN 'i' THEN 'icu' ELSE 'libc' END
    FROM pg_database WHERE datname = current_database()) AS provider,
  (SELECT coalesce(datlocale, datcollate) FROM pg_database
    WHERE datname = current_database()) AS locale,
  ${list(`SELECT extname AS name FROM pg_extension WHERE extname <> 'plpgsql'`)} AS extensions,
  ${list(`SELECT ${tableName} ${tables} AND ${hasNoKey} AND NOT ${hasVirtual}`)} AS "withoutKey",
  ${list(`SELECT ${tableName} ${tables} AND ${hasNoKey} AND ${hasVirtual}`)} AS "virtual",
  ${list(`SELECT ${tableName} ${tables} AND r.relpersistence = 'u'`)} AS unlogged,
  (SELECT count(*) FROM pg_largeobject_metadata)::text AS objects,
  (SELECT count(*) FROM pg_prepared_xacts)::text AS prepared,
  ${list(`SELECT subname AS name FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid
    WHERE d.datname = current_database()`)} AS subscriptions,
  ${list(`SELECT rolname AS name FROM pg_roles WHERE rolname LIKE 'meridian\\_%'
    UNION ALL SELECT 'schema ' || nspname FROM pg_namespace
      WHERE nspname IN ('meridian', 'meridian_local')`)} AS taken,
  to_regclass('meridian_local.fence')::text AS fence,
  pg_database_size(current_database())::text AS bytes`;

async function readContent(client: PgClient): Promise<ContentFacts> {
  const row = await onlyRow(client, contentSql);
  const opened =
    row['fence'] === null
      ? null
      : await onlyRow(client, 'SELECT last_opened_epoch::text AS epoch FROM meridian_local.fence');
  return {
    collation: { provider: row['provider'] ?? '', locale: row['locale'] ?? '' },
    extensions: namesIn(row['extensions']),
    tablesWithoutKey: namesIn(row['withoutKey']),
    virtualWithoutKey: namesIn(row['virtual']),
    unloggedTables: namesIn(row['unlogged']),
    largeObjects: Number(row['objects']),
    preparedTransactions: Number(row['prepared']),
    subscriptions: namesIn(row['subscriptions']),
    takenNames: namesIn(row['taken']),
    openedEpoch: Number(opened?.['epoch'] ?? 0),
    bytes: Number(row['bytes']),
  };
}

/** What the other regions run: the PostgreSQL of this installation. */
function readOwn(): OwnFacts {
  const { postgresHome, repositoryFolder } = locatePrograms();
  const text = readFileSync(join(repositoryFolder, 'infra/postgres/postgresql.conf'), 'utf8');
  const limitOf = (name: string): number =>
    Number(new RegExp(`^${name} = (\\d+)`, 'm').exec(text)?.[1] ?? locksDefault);
  return {
    majorVersion: postgresMajorVersion(postgresHome),
    architecture: process.arch === 'arm64' ? 'aarch64' : 'x86_64',
    extensions: namesOfFiles(join(postgresHome, 'share'), '.control'),
    libraries: namesOfFiles(join(postgresHome, 'lib'), '.so'),
    limits: Object.fromEntries(copiedLimits.map((name) => [name, limitOf(name)])),
  };
}

function namesOfFiles(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(file.lastIndexOf('/') + 1, -ending.length));
}

function namesIn(json: string | null | undefined): string[] {
  return JSON.parse(json ?? '[]') as string[];
}

async function onlyRow(
  client: PgClient,
  sql: string,
): Promise<Readonly<Record<string, string | null>>> {
  const { rows } = await client.query<Record<string, string | null>>(sql);
  if (rows[0] === undefined) throw new Error('the database answered no row');
  return rows[0];
}
