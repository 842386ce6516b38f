/**
 * Throw-away PostgreSQL servers as Meridian sets them up: real settings, roles, schemas, on
 * loopback addresses of their own. One initdb per process, copied for each server.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectPg, ownSessionOptions, withPg, type PgTarget } from '../../shared/pg/client.ts';
import { locatePrograms, postgresUser } from '../../services/local/programs.ts';
import { eventually } from './eventually.ts';

export const testPassword = 'a-password-for-tests';
const database = 'app';
const roles = {
  meridian_replicator: 'REPLICATION',
  meridian_applier: 'SUPERUSER',
  meridian_router: '',
  app: '',
} as const;

export interface TestServer {
  readonly address: string;
  readonly port: number;
  /** Settings of a connection as `user`; Meridian's own never wait for themselves. */
  target(user?: string): PgTarget;
  query(text: string, values?: unknown[]): Promise<Record<string, string | null>[]>;
  start(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

const repository = join(import.meta.dirname, '../..');
let template: string | null = null;

/** A running server at `address`:5432 whose sessions are open to `app`. */
export async function startTestServer(
  address: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-pg-'));
  own(folder);
  const data = join(folder, 'data');
  const port = 5432;
  cpSync(madeTemplate(), data, { recursive: true });
  const user = postgresUser();
  chmodSync(data, 0o700);
  if (user !== null) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, data]);
  const lines = Object.entries({
    listen_addresses: `'${address}'`,
    port: String(port),
    ...settings,
  });
  const base = readFileSync(join(repository, 'infra/postgres/postgresql.conf'), 'utf8');
  const own_ = ['sync_replication_slots = off', 'io_method = sync'];
  const text = [base, ...own_, ...lines.map(([name, value]) => `${name} = ${value}`)].join('\n');
  writeFileSync(join(data, 'postgresql.conf'), `${text}\n`);
  writeFileSync(
    join(data, 'pg_hba.conf'),
    'host all all all trust\nhost replication all all trust\n',
  );
  let child: ChildProcess | null = null;
  const target = (as = 'meridian_owner'): PgTarget => ({
    host: address,
    port,
    database,
    user: as,
    password: testPassword,
    applicationName: 'test',
    ...(as.startsWith('meridian_') ? { options: ownSessionOptions } : {}),
  });
  const server: TestServer = {
    address,
    port,
    target,
    query: (sql, values) =>
      withPg(target(), async (client) => (await client.query(sql, values)).rows),
    async start() {
      const program = join(locatePrograms().postgresHome, 'bin/postgres');
      child = spawn(program, ['-D', data], {
        cwd: data,
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
        stdio: ['ignore', 'ignore', process.env['PG_LOG'] === undefined ? 'ignore' : 'inherit'],
        ...(user ?? {}),
      });
      await eventually(() => canConnect(target()), { deadlineMs: 30_000 });
    },
    async kill(signal = 'SIGQUIT') {
      const running = child;
      if (running === null || running.exitCode !== null || running.signalCode !== null) return;
      const ended = new Promise((resolve) => running.once('exit', resolve));
      running.kill(signal);
      await ended;
    },
    async stop() {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** Makes a running server of epoch 0, with its fence taken by incarnation `i`. */
export async function openToApplications(server: TestServer): Promise<void> {
  await server.query(
    `UPDATE meridian_local.fence SET incarnation = 'i', open_epoch = 1,
       opened_start = pg_postmaster_start_time(),
       opened_checkpointer =
         (SELECT backend_start FROM pg_stat_activity WHERE backend_type = 'checkpointer')`,
  );
}

/** A loopback address that no other test of this run uses. */
export function testAddress(last: number): string {
  const random = (): number => Math.floor(Math.random() * 250) + 1;
  return `127.${80 + Math.floor(Math.random() * 170)}.${random()}.${last}`;
}

async function canConnect(target: PgTarget): Promise<boolean> {
  try {
    await (await connectPg(target)).end();
    return true;
  } catch {
    return false;
  }
}

function own(folder: string): void {
  const user = postgresUser();
  if (user !== null) chownSync(folder, user.uid, user.gid);
}

/** A data folder after initdb and Meridian's SQL files, made once per process. */
function madeTemplate(): string {
  if (template !== null) return template;
  const folder = mkdtempSync(join(tmpdir(), 'meridian-pg-template-'));
  own(folder);
  const data = join(folder, 'data');
  const home = locatePrograms().postgresHome;
  const run = (program: string, args: string[], input = ''): void => {
    const result = spawnSync(join(home, 'bin', program), args, {
      input,
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      ...(postgresUser() ?? {}),
    });
    if (result.status !== 0) throw new Error(`${program}: ${result.stderr}`);
  };
  run('initdb', [
    ...['-D', data, '-U', 'meridian_owner', '--auth', 'trust', '--encoding', 'UTF8'],
    ...[
      '--locale',
      'C',
      '--locale-provider',
      'builtin',
      '--builtin-locale',
      'C.UTF-8',
      '--no-sync',
    ],
  ]);
  const single = (name: string, text: string): void => {
    const args = ['--single', '-j', '-D', data, '-c', 'event_triggers=off', name];
    run('postgres', args, `${text}\n\n`);
  };
  const roleText = Object.entries(roles).map(
    ([role, attributes]) => `CREATE ROLE ${role} LOGIN ${attributes}`,
  );
  for (const statement of [
    ...roleText,
    'GRANT app TO meridian_router WITH INHERIT FALSE, SET TRUE',
    'GRANT pg_monitor TO meridian_router, meridian_replicator',
    `CREATE DATABASE ${database} OWNER meridian_owner`,
  ]) {
    single('postgres', `${statement};`);
  }
  const sql = join(repository, 'infra/postgres');
  const names = readdirSync(sql).filter((name) => name.endsWith('.sql'));
  const ordered = names
    .sort()
    .sort((a, b) => Number(b === 'bootstrap.sql') - Number(a === 'bootstrap.sql'));
  for (const name of ordered) {
    single(database, readFileSync(join(sql, name), 'utf8').replaceAll(/\n\n+/g, '\n'));
  }
  single(
    database,
    `GRANT CREATE ON DATABASE ${database} TO app; GRANT CREATE ON SCHEMA public TO app;`,
  );
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  template = data;
  return data;
}
