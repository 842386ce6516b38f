/**
 * The programs that a region runs, found by infra/scripts/parts.mjs, and the user that PostgreSQL
 * runs as: never root.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { RegionConfig } from '../../shared/config/cluster-schema.ts';
import { locateParts, nodeCacheFolder } from '../../infra/scripts/parts.mjs';
import type { RunAs } from './process/managed-process.ts';

export interface Programs {
  readonly node: string;
  readonly java: string;
  /** Folder that holds Kafka's jars. */
  readonly kafkaClasspathFolder: string;
  /** Where Kafka's classes lie ready for a JVM; null: it reads them from the jars. */
  readonly kafkaArchiveFile: string | null;
  readonly redisServer: string;
  /** Folder with bin/, lib/ and share/. */
  readonly postgresHome: string;
  readonly repositoryFolder: string;
  /** Where Node keeps compiled modules: half the work of a start. */
  readonly nodeCacheFolder: string;
}

const repositoryFolder = resolve(import.meta.dirname, '../..');

/** An older PostgreSQL lacks what Meridian builds on. */
export const postgresMajorMin = 17;

/**
 * Where everything is; throws when a part is missing, with the command that installs it. A region
 * may name its own PostgreSQL.
 */
export function locatePrograms(region: Pick<RegionConfig, 'postgres'> = {}): Programs {
  const parts = locateParts();
  return {
    node: parts.nodeProgram,
    java: parts.javaProgram,
    kafkaClasspathFolder: parts.kafkaClasspathFolder,
    kafkaArchiveFile: parts.kafkaArchiveFile ?? null,
    redisServer: parts.redisServerProgram,
    postgresHome: region.postgres?.home ?? parts.postgresHome,
    repositoryFolder,
    nodeCacheFolder: nodeCacheFolder(),
  };
}

/** This process's environment, with Node's module cache unless one is named. */
export function nodeEnvironment({ nodeCacheFolder }: Programs): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: nodeCacheFolder, ...process.env };
}

/** `postgres` if that user exists, else `nobody`, when this process is root; else its own user. */
export function postgresUser(): RunAs {
  if (process.getuid?.() !== 0) return null;
  const users = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  );
  const user = users.get('postgres') ?? users.get('nobody');
  if (user === undefined) throw new Error('There is neither a user postgres nor nobody.');
  return user;
}

/** Whether `user` may enter `folder` (which need not exist yet: then its nearest parent). */
export function canEnter(user: RunAs, folder: string): boolean {
  let existing = resolve(folder);
  while (!existsSync(existing)) existing = resolve(existing, '..');
  return spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', existing], user ?? {}).status === 0;
}

/** Whether `user` may run PostgreSQL from there. */
export function canRunPostgres(user: RunAs, home: string): boolean {
  const result = spawnSync(join(home, 'bin/postgres'), ['--version'], { cwd: '/', ...user });
  return result.status === 0;
}

/** The version of the server at `home`, for instance `18.4`; null when there is none. */
export function postgresVersion(home: string): string | null {
  const { stdout } = spawnSync(join(home, 'bin/postgres'), ['--version'], { encoding: 'utf8' });
  return /\d+(\.\d+)*/.exec(stdout ?? '')?.[0] ?? null;
}

/** The major version of the server at `home`. */
export function postgresMajorVersion(home: string): number {
  return Number.parseInt(postgresVersion(home) ?? '', 10);
}

/** The version of Kafka whose jars are in `folder`; null when they do not say. */
export function kafkaVersion(folder: string): string | null {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const versions = names.map((name) => /^kafka-clients-(.+)\.jar$/.exec(name)?.[1]);
  return versions.find((version) => version !== undefined) ?? null;
}

/**
 * Copies PostgreSQL's programs to `target` unless that copy is there already; an interrupted copy
 * is begun anew. Returns `target`.
 */
export async function copyPostgres(home: string, target: string): Promise<string> {
  if (existsSync(target)) return target;
  const partFolder = `${target}.part-${String(process.pid)}`;
  await rm(partFolder, { recursive: true, force: true });
  await mkdir(resolve(target, '..'), { recursive: true, mode: 0o755 });
  await cp(home, partFolder, { recursive: true, dereference: false, verbatimSymlinks: true });
  await rename(partFolder, target).catch(async (error: unknown) => {
    await rm(partFolder, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  });
  return target;
}
