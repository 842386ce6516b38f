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
import { publicationEnd } from '../../services/failover/core/opening/publication.ts';
import { connectPg, ownSessionOptions, withPg, type PgTarget } from '../../shared/pg/client.ts';
import {
  locatePrograms,
  postgresMajorVersion,
  postgresUser,
} from '../../services/local/programs.ts';
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
let template: Promise<string> | null = null;

/** A running server at `address`:5432 whose sessions are open to `app`. */
export async function startTestServer(
  address: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-pg-'));
  own(folder);
  const data = join(folder, 'data');
  const port = 5432;
  template ??= makeTemplate();
  cpSync(await template, data, { recursive: true });
  const user = postgresUser();
  chmodSync(data, 0o700);
  if (user !== null) spawnSync('chown', ['-R', `${user.uid}:${user.gid}`, data]);
  const lines = Object.entries({
    listen_addresses: `'${address}'`,
    port: String(port),
    ...settings,
  });
  const base = readFileSync(join(repository, 'infra/postgres/postgresql.conf'), 'utf8');
  const major = postgresMajorVersion(locatePrograms().postgresHome);
  const own_ = ['sync_replication_slots = off', ...(major < 18 ? [] : ['io_method = sync'])];
  const text = [base, ...own_, ...lines.map(([name, value]) => `${name} = ${value}`)].join('\n');
  writeFileSync(join(data, 'postgresql.conf'), `${text}\n`);
  const rule = settings['ssl'] === 'on' ? 'hostssl' : 'host';
  writeFileSync(
    join(data, 'pg_hba.conf'),
    ['all', 'replication'].map((name) => `${rule} ${name} all all trust\n`).join(''),
  );
  let child: ChildProcess | null = null;
  const target = (as = 'meridian_owner'): PgTarget => ({
    host: address,
    port,
    database,
    user: as,
    password: testPassword,
    applicationName: 'test',
    connectTimeoutMs: 20_000,
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

/** The publication of epoch 1, as a primary makes it. */
export async function publish(server: TestServer): Promise<void> {
  const [row] = await server.query(`SELECT current_setting('server_version_num') AS version`);
  const options = publicationEnd(Number(row?.['version']));
  await server.query(`CREATE PUBLICATION meridian_1 FOR ALL TABLES${options}`);
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
async function makeTemplate(): Promise<string> {
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
    ...['-D', data, '-U', 'meridian_owner', '--auth', 'trust', '--encoding', 'UTF8', '-k'],
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
  writeFileSync(join(data, 'pg_hba.conf'), 'host all all all trust\n');
  const address = testAddress(1);
  const settings = ['-c', `listen_addresses=${address}`, '-c', 'unix_socket_directories='];
  const control = (...args: string[]): void => run('pg_ctl', ['-D', data, '-w', ...args]);
  control(
    '-o',
    [...settings, '-c', 'event_triggers=off', '-c', 'fsync=off'].join(' '),
    '-l',
    join(folder, 'log'),
    'start',
  );
  try {
    await setUp(address);
  } finally {
    control('-m', 'fast', 'stop');
  }
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return data;
}

/** Roles, database and Meridian's SQL files, on a server that is up. */
async function setUp(address: string): Promise<void> {
  const target = { ...ownerOf(address), database: 'postgres' };
  await withPg(target, async (client) => {
    for (const [role, attributes] of Object.entries(roles)) {
      await client.query(`CREATE ROLE ${role} LOGIN ${attributes}`);
    }
    await client.query('GRANT app TO meridian_router WITH INHERIT FALSE, SET TRUE');
    await client.query('GRANT pg_monitor TO meridian_router, meridian_replicator');
    await client.query(`CREATE DATABASE ${database} OWNER meridian_owner`);
  });
  const folder = join(repository, 'infra/postgres');
  const names = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  const others = names.filter((name) => name !== 'bootstrap.sql').sort();
  await withPg({ ...target, database }, async (client) => {
    for (const name of ['bootstrap.sql', ...others]) {
      await client.query(readFileSync(join(folder, name), 'utf8'));
    }
    await client.query(
      `GRANT CREATE ON DATABASE ${database} TO app; GRANT CREATE ON SCHEMA public TO app`,
    );
  });
}

function ownerOf(address: string): PgTarget {
  return {
    host: address,
    port: 5432,
    database,
    user: 'meridian_owner',
    password: testPassword,
    applicationName: 'test',
    connectTimeoutMs: 20_000,
    options: ownSessionOptions,
    // It speaks plain text, whatever the servers made of it will.
    foreign: 'plain',
  };
}
