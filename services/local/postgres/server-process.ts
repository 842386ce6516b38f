/** One run of a node's server: settings files, leftovers of an earlier run, the process. */
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodeId } from '../../../shared/core/node.ts';
import { ownSessionOptions, withPg, type PgTarget } from '../../../shared/pg/client.ts';
import type { ForeignWay } from '../../../shared/pg/foreign-server.ts';
import type { NodeMode } from '../../../shared/ports/node-control.ts';
import type { ProcessSpec } from '../process/managed-process.ts';
import {
  endProcess,
  identityOf,
  signalProcess,
  type ProcessIdentity,
} from '../process/process-identity.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { checkRoom } from '../process/disk-room.ts';
import { writeFileWhole } from '../process/whole-file.ts';
import { postgresMajorVersion, postgresVersion } from '../programs.ts';
import type { RegionContext } from '../region-context.ts';
import { tlsFiles, writeTlsFiles } from '../tls-files.ts';
import { writeAdoptedFiles } from './adopted-files.ts';
import type { NodeFolder } from './node-folder.ts';
import { accessRules, ownSettings, type AdoptedPlace } from './settings.ts';

export interface ServerRun {
  readonly node: NodeId;
  readonly port: number;
  readonly folder: NodeFolder;
  readonly mode: NodeMode;
  readonly isRecovering: boolean;
  readonly primary: { readonly host: string; readonly port: number } | null;
  readonly adopted?: Adopted;
}

/** A server of somebody else's that the node follows. */
export interface Adopted {
  readonly host: string;
  readonly port: number;
  readonly way: ForeignWay;
}

/**
 * What ALTER SYSTEM may not change: a prepared transaction would survive promotion, seeding and
 * fencing; a server that restarts by itself would show commits that nobody confirmed.
 */
const fixedArguments = ['-c', 'max_prepared_transactions=0', '-c', 'restart_after_crash=off'];

const killBoundMs = 5000;
const pollMs = 50;

/** Writes the settings, removes what a dead server left, and says how to run the server. */
export async function prepareServer(context: RegionContext, run: ServerRun): Promise<ProcessSpec> {
  const { dataFolder } = run.folder;
  await checkRoom(dataFolder, 0);
  await removeLeftovers(dataFolder);
  await writeSettings(context, run);
  return {
    program: join(context.programs.postgresHome, 'bin/postgres'),
    version: postgresVersion(context.programs.postgresHome),
    args: ['-D', dataFolder, ...fixedArguments],
    env: postgresEnvironment(),
    folder: dataFolder,
    runAs: context.postgresUser,
    addresses: [{ host: context.region.bind, port: run.port }],
    isAnswering: async () => {
      if (run.adopted !== undefined) return serverStatus(dataFolder) !== 'starting';
      await withPg(ownerTarget(context, run.port, 'postgres'), (client) =>
        client.query('SELECT 1'),
      );
      return true;
    },
  };
}

/**
 * What the server says of itself in its pid file: `starting`, `standby` (it follows and lets nobody
 * in), `ready`, `stopping`.
 */
export function serverStatus(dataFolder: string): string {
  const file = join(dataFolder, 'postmaster.pid');
  const line = existsSync(file) ? readFileSync(file, 'utf8').split('\n')[7] : undefined;
  return line?.trim() ?? 'starting';
}

/** A connection of Meridian's superuser to the node at `port` of this machine. */
export function ownerTarget(context: RegionContext, port: number, database: string): PgTarget {
  return {
    host: context.region.bind,
    port,
    database,
    user: 'meridian_owner',
    password: context.secrets.shared.postgres.owner,
    applicationName: 'meridian_agent',
    options: `${ownSessionOptions} -c event_triggers=off`,
    connectTimeoutMs: 2000,
  };
}

/** PostgreSQL is not told about this process's environment. */
export function postgresEnvironment(): Record<string, string> {
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

/** The certificates of the region's secrets, for a server that starts or is sent SIGHUP. */
export async function writeNodeCertificates(
  { secrets, postgresUser }: RegionContext,
  folder: NodeFolder,
): Promise<void> {
  await writeTlsFiles(tlsFolderOf(folder), secrets, postgresUser);
}

/** A folder of the node's own: PostgreSQL runs as another user, and a base backup is no place. */
function tlsFolderOf({ folder }: NodeFolder): string {
  return join(folder, 'tls');
}

async function writeSettings(context: RegionContext, run: ServerRun): Promise<void> {
  const { cluster, region, programs, secrets } = context;
  const isSecured = cluster.security.mode === 'tls';
  if (isSecured) await writeNodeCertificates(context, run.folder);
  const fixedFile = join(programs.repositoryFolder, 'infra/postgres/postgresql.conf');
  const { adopted, ...own } = run;
  const settings = {
    ...own,
    bind: region.bind,
    database: cluster.database,
    isSecured,
    tls: isSecured ? { ...tlsFiles(tlsFolderOf(run.folder)), serverName: region.host } : null,
    replicatorPassword: secrets.shared.postgres.replicator,
    majorVersion: postgresMajorVersion(programs.postgresHome),
    ...(adopted === undefined ? {} : { adopted: await placeOf(context, run.folder, adopted) }),
  };
  const options = { mode: 0o600, owner: context.postgresUser };
  const texts = {
    'postgresql.conf': `${await readFile(fixedFile, 'utf8')}\n${ownSettings(settings)}`,
    'pg_ident.conf': '',
  };
  for (const [name, text] of Object.entries(texts)) {
    await writeFileWhole(join(run.folder.dataFolder, name), text, options);
  }
  await writeAccessRules(context, run);
}

async function placeOf(
  { hosts, postgresUser }: RegionContext,
  folder: NodeFolder,
  { host, port, way }: Adopted,
): Promise<AdoptedPlace> {
  const tls = await writeAdoptedFiles(folder, way, postgresUser);
  return { host, port, address: hosts[host] ?? null, tls };
}

/** For a server that starts, or runs and is sent SIGHUP: who is let in. */
export async function writeAccessRules(
  context: RegionContext,
  { folder, mode }: Pick<ServerRun, 'folder' | 'mode'>,
): Promise<void> {
  const { database, security } = context.cluster;
  const text = accessRules({ mode, database, isSecured: security.mode === 'tls' });
  const options = { mode: 0o600, owner: context.postgresUser };
  await writeFileWhole(join(folder.dataFolder, 'pg_hba.conf'), text, options);
}

/**
 * Ends a server that still works in `dataFolder`, and removes the pid file of a dead one, which
 * would keep the next from starting when its number is used again by a stranger.
 */
async function removeLeftovers(dataFolder: string): Promise<void> {
  const file = join(dataFolder, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  const working = processesIn(dataFolder);
  const postmaster = working.includes(pid) ? identityOf(pid) : null;
  if (postmaster !== null) await endProcess(postmaster, 'SIGINT', 20_000);
  const deadline = performance.now() + 10_000;
  while (processesIn(dataFolder).length > 0) {
    if (performance.now() > deadline) {
      throw new Error(`Processes of an earlier server still work in ${dataFolder}.`);
    }
    await sleep(pollMs);
  }
  await rm(file, { force: true });
}

/** Kills what still works in `dataFolder`: a server that hangs, or what its death left behind. */
export async function killServer(dataFolder: string): Promise<void> {
  if (!existsSync(dataFolder)) return;
  const deadline = performance.now() + killBoundMs;
  for (;;) {
    const working = processesIn(dataFolder).map(identityOf).filter(isRunning);
    if (working.length === 0) return;
    // The kernel keeps a process that waits for a disk: two servers of one region are never risked.
    if (performance.now() > deadline) throw new Error(`A server in ${dataFolder} cannot be ended.`);
    for (const identity of working) signalProcess(identity, 'SIGKILL');
    await sleep(pollMs);
  }
}

function isRunning(identity: ProcessIdentity | null): identity is ProcessIdentity {
  return identity !== null;
}

/** Ids of processes whose working folder is `folder`: PostgreSQL's all have their data folder. */
function processesIn(folder: string): number[] {
  const realFolder = realpathSync(folder);
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((entry) => {
      try {
        return readlinkSync(`/proc/${entry}/cwd`) === realFolder;
      } catch {
        return false;
      }
    })
    .map(Number);
}
