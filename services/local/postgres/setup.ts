/** A new node: initdb, settings, roles with their passwords, the database, Meridian's schemas. */
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PgClient } from '../../../shared/pg/client.ts';
import { quoteIdent, quoteLiteral } from '../../../shared/pg/quote.ts';
import { checkRoom } from '../process/disk-room.ts';
import { writeFileWhole } from '../process/whole-file.ts';
import type { RegionContext } from '../region-context.ts';
import { makeEmptyData, type NodeFolder } from './node-folder.ts';
import { withOneServer } from './one-server.ts';
import { bringForward, readSchemaFiles } from './schema.ts';
import { postgresEnvironment, type ServerRun } from './server-process.ts';

const initdbBytes = 100 * 1024 * 1024;

/** Makes the data of the cluster's first node and leaves the server stopped. Returns the digest of
 * Meridian's own tables. */
export async function setUpNode(
  context: RegionContext,
  run: Pick<ServerRun, 'node' | 'port' | 'folder'>,
): Promise<string> {
  await makeEmptyData(run.folder, context.postgresUser);
  await checkRoom(run.folder.dataFolder, initdbBytes);
  await runInitdb(context, run.folder);
  const schema = await readSchemaFiles(context);
  await withOneServer(context, { ...run, isRecovering: false }, async (server) => {
    const { database } = context.cluster;
    await server.query('postgres', (client) => makeRoles(context, client));
    await server.query(database, async (client) => {
      await client.query(
        `GRANT CREATE ON DATABASE ${quoteIdent(database)} TO app;
         GRANT CREATE ON SCHEMA public TO app`,
      );
      await bringForward(client, schema);
    });
  });
  return schema.digest;
}

async function runInitdb(context: RegionContext, folder: NodeFolder): Promise<void> {
  const passwordFile = join(folder.folder, 'initdb-password');
  await writeFileWhole(passwordFile, context.secrets.shared.postgres.owner, {
    mode: 0o600,
    owner: context.postgresUser,
  });
  const args = [
    ['--pgdata', folder.dataFolder],
    ['--username', 'meridian_owner'],
    ['--pwfile', passwordFile],
    ['--auth', 'scram-sha-256'],
    ['--encoding', 'UTF8'],
    ['--locale', 'C'],
    ['--locale-provider', 'builtin'],
    ['--builtin-locale', 'C.UTF-8'],
    ['--data-checksums'],
    ['--no-instructions'],
  ].flat();
  try {
    await runAsPostgres(context, join(context.programs.postgresHome, 'bin/initdb'), args);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function runAsPostgres(context: RegionContext, program: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: '/',
      env: postgresEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(context.postgresUser ?? {}),
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-2000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`initdb failed: ${output.trim().slice(-600)}`));
    });
  });
}

/** Roles that Meridian connects as, the application's, and the one database. */
async function makeRoles(context: RegionContext, client: PgClient): Promise<void> {
  const database = quoteIdent(context.cluster.database);
  await ensureRoles(context, client);
  const statements = [
    closeOtherDatabases,
    `CREATE DATABASE ${database} OWNER meridian_owner`,
    `ALTER DATABASE ${database} SET synchronous_commit = remote_write`,
  ];
  for (const statement of statements) await client.query(statement);
}

/** Logins to other databases pass no guard. */
export const closeOtherDatabases = 'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC';

/**
 * The roles with the passwords of the secrets; those of Meridian that are there are given them. A
 * role `app` that others made stays theirs.
 */
export async function ensureRoles(context: RegionContext, client: PgClient): Promise<void> {
  const { postgres } = context.secrets.shared;
  const roles = {
    meridian_owner: [postgres.owner, 'SUPERUSER'],
    meridian_replicator: [postgres.replicator, 'REPLICATION'],
    meridian_applier: [postgres.applier, 'SUPERUSER'],
    meridian_router: [postgres.router, ''],
    app: [postgres.app, ''],
  } as const;
  const { rows } = await client.query<{ rolname: string }>('SELECT rolname FROM pg_roles');
  const known = new Set(rows.map(({ rolname }) => rolname));
  for (const [role, [password, may]] of Object.entries(roles)) {
    if (role === 'app' && known.has(role)) continue;
    const verb = known.has(role) ? 'ALTER' : 'CREATE';
    await client.query(`${verb} ROLE ${role} LOGIN PASSWORD ${quoteLiteral(password)} ${may}`);
  }
  for (const statement of [
    'GRANT app TO meridian_router WITH INHERIT FALSE, SET TRUE',
    'GRANT pg_monitor TO meridian_router, meridian_replicator',
    'ALTER ROLE meridian_owner SET synchronous_commit = local',
    'ALTER ROLE meridian_applier SET synchronous_commit = local',
    'ALTER ROLE meridian_replicator SET synchronous_commit = local',
  ]) {
    await client.query(statement);
  }
}
