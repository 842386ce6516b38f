/** A PostgreSQL server of somebody who never heard of Meridian: initdb, a role, a database. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { locatePrograms, postgresUser } from '../../../services/local/programs.ts';
import { withPg } from '../../../shared/pg/client.ts';
import type { ForeignTls } from '../../../shared/pg/foreign-server.ts';
import { eventually } from '../../helpers/eventually.ts';
import { makeForeignCertificates } from './foreign-certificates.ts';

export const oldPassword = 'the-password-of-everybody';

export interface OldServer {
  readonly host: string;
  readonly port: number;
  /** Whom its certificate is signed by: a file, and what a connection needs. */
  readonly authorityFile: string;
  readonly tls: ForeignTls;
  /** From now on new connections come in only so: `hostssl` by TLS, `host` also without. */
  admit(rule: 'host' | 'hostssl'): Promise<void>;
  /** As the superuser `postgres`, in `database`. */
  query(database: string, text: string): Promise<Record<string, string | null>[]>;
  stop(): Promise<void>;
}

/**
 * Running at `host`:5499 with the database `app`, which belongs to the role `shop`. Its certificate
 * is valid for `host`, `names` and `addresses`.
 */
export async function startOldServer(
  host: string,
  folder: string,
  { names = [], addresses = [] }: { readonly names?: string[]; readonly addresses?: string[] } = {},
): Promise<OldServer> {
  const user = postgresUser();
  const port = 5499;
  const { postgresHome } = locatePrograms();
  mkdirSync(folder, { mode: 0o755 });
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, oldPassword);
  chmodSync(passwordFile, 0o644);
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const args = ['--pgdata', data, '--username', 'postgres', '--pwfile', passwordFile];
  const how = ['--auth', 'scram-sha-256', '--encoding', 'UTF8', '--locale', 'C.UTF-8'];
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };
  const options = { cwd: '/', env, ...(user ?? {}) };
  const made = spawnSync(join(postgresHome, 'bin/initdb'), [...args, ...how, '-k'], options);
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr.toString()}`);
  const { authority, certificate, key } = await makeForeignCertificates(
    [host, ...addresses],
    names,
  );
  const authorityFile = join(folder, 'authority.pem');
  writeFileSync(authorityFile, authority);
  for (const [name, text] of Object.entries({ 'server.crt': certificate, 'server.key': key })) {
    writeFileSync(join(data, name), text, { mode: 0o600 });
    if (user !== null) chownSync(join(data, name), user.uid, user.gid);
  }
  const settings = {
    ...{ listen_addresses: `'${host}'`, port, unix_socket_directories: "''", ssl: 'on' },
    ...{ max_wal_size: "'2GB'", shared_buffers: "'128MB'" },
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  appendFileSync(join(data, 'postgresql.conf'), lines.join(''));
  const writeRules = (rule: string): void => {
    const rules = ['all', 'replication'].map((what) => `${rule} ${what} all all scram-sha-256\n`);
    writeFileSync(join(data, 'pg_hba.conf'), rules.join(''));
  };
  writeRules('host');
  const program = join(postgresHome, 'bin/postgres');
  const child: ChildProcess = spawn(program, ['-D', data], { ...options, stdio: 'ignore' });
  const tls: ForeignTls = { isNameChecked: true, authority, own: null };
  const query: OldServer['query'] = (database, text) =>
    withPg(
      {
        ...{ host, port, database, user: 'postgres', password: oldPassword },
        ...{ applicationName: 'somebody', foreign: tls },
      },
      async (client) => (await client.query<Record<string, string | null>>(text)).rows,
    );
  await eventually(() => query('postgres', 'SELECT 1').catch(() => null), { deadlineMs: 60_000 });
  await query('postgres', `CREATE ROLE shop LOGIN PASSWORD '${oldPassword}'`);
  await query('postgres', 'CREATE DATABASE app OWNER shop');
  return {
    ...{ host, port, authorityFile, tls, query },
    async admit(rule) {
      writeRules(rule);
      await query('postgres', 'SELECT pg_reload_conf()');
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGINT');
      await gone;
    },
  };
}
