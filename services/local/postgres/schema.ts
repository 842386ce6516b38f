/**
 * Meridian's own tables and functions in a node's database: made, brought forward when a newer
 * program starts the node, left alone or refused when an older one does.
 *
 * `infra/postgres/*.sql` can be run again at any time. What cannot be said so is a step,
 * `infra/postgres/steps/NNNN-title.sql`, NNNN from 0002 on, in that order and once. Its first line,
 * `-- usable from N`, names the oldest version that a program must know to live with it; neither a
 * step nor a file writes rows into the schema `meridian`, which other regions would get.
 */
import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { withPg, type PgClient } from '../../../shared/pg/client.ts';
import { freePort } from '../process/address-check.ts';
import type { RegionContext } from '../region-context.ts';
import { withOneServer } from './one-server.ts';
import { planSchema, type FoundSchema, type OwnSchema, type SchemaStep } from './schema-plan.ts';
import { ownerTarget, type ServerRun } from './server-process.ts';

export interface SchemaFiles extends OwnSchema {
  /** Texts to run again, in order. */
  readonly texts: readonly string[];
}

/** What this program knows. */
export async function readSchemaFiles({
  programs,
}: Pick<RegionContext, 'programs'>): Promise<SchemaFiles> {
  const folder = join(programs.repositoryFolder, 'infra/postgres');
  const read = (file: string): Promise<string> => readFile(file, 'utf8');
  const texts = await Promise.all((await filesIn(folder)).map(read));
  const steps = await Promise.all((await filesIn(join(folder, 'steps'))).map(readStep));
  const all = [...steps.map(({ text }) => text), ...texts].join('\n');
  return { texts, steps, digest: hash('sha256', all, 'base64url') };
}

/**
 * Brings the data of a stopped server of its own forward, unless `digest` says that this program
 * has seen to it; returns the digest of what it knows. Nobody else reaches the node meanwhile.
 */
export async function bringDataForward(
  context: RegionContext,
  run: Pick<ServerRun, 'node' | 'folder'>,
  digest: string | null,
): Promise<string> {
  const files = await readSchemaFiles(context);
  if (files.digest === digest) return digest;
  const port = await freePort(context.region.bind);
  await withOneServer(context, { ...run, port, isRecovering: false }, (server) =>
    server.query(context.cluster.database, (client) => bringForward(client, files)),
  );
  return files.digest;
}

/** The same for the server at `port`, which runs. */
export async function bringServerForward(context: RegionContext, port: number): Promise<string> {
  const files = await readSchemaFiles(context);
  const target = ownerTarget(context, port, context.cluster.database);
  await withPg(target, (client) => bringForward(client, files));
  return files.digest;
}

/** The same over a connection of the owner; all or nothing. Throws ConfigInvalid when refused. */
export async function bringForward(client: PgClient, files: SchemaFiles): Promise<void> {
  const [isThere] = await select(
    client,
    `SELECT to_regclass('meridian_local.progress') AS progress,
       to_regclass('meridian_local.schema_version') AS version`,
  );
  const found = isThere?.['version'] === null ? null : await readFound(client);
  const plan = planSchema(found, files, isThere?.['progress'] !== null);
  if (plan.kind === 'leave') return;
  if (plan.kind === 'refuse') {
    const hint = 'Start the node with the program that it ran last, or have it seeded anew.';
    throw new MeridianError('ConfigInvalid', plan.why, { hint });
  }
  const { version, usableFrom, digest } = plan.after;
  await client.query('BEGIN');
  try {
    for (const { text } of plan.steps) await client.query(text);
    for (const text of files.texts) await client.query(text);
    await client.query(
      `INSERT INTO meridian_local.schema_version (version, usable_from, digest)
       VALUES ($1, $2, $3) ON CONFLICT (one_row) DO UPDATE SET version = excluded.version,
       usable_from = excluded.usable_from, digest = excluded.digest`,
      [version, usableFrom, digest],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

async function readFound(client: PgClient): Promise<FoundSchema | null> {
  const [row] = await select(
    client,
    'SELECT version, usable_from, digest FROM meridian_local.schema_version',
  );
  if (row === undefined) return null;
  const { version, usable_from: usableFrom, digest } = row;
  return { version: Number(version), usableFrom: Number(usableFrom), digest: digest ?? '' };
}

async function select(
  client: PgClient,
  text: string,
): Promise<Readonly<Record<string, string | null>>[]> {
  return (await client.query<Record<string, string | null>>(text)).rows;
}

/** bootstrap.sql first, then the others in the order of their names. */
async function filesIn(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const isFirst = (name: string): boolean => name === 'bootstrap.sql';
  const ordered = [...names.filter(isFirst), ...names.filter((name) => !isFirst(name))];
  return ordered.map((name) => join(folder, name));
}

async function readStep(file: string): Promise<SchemaStep> {
  const text = await readFile(file, 'utf8');
  const version = Number(/^(\d{4})-/.exec(basename(file))?.[1]);
  const usableFrom = Number(/^-- usable from (\d+)\n/.exec(text)?.[1]);
  if (version > 1 && usableFrom >= 1 && usableFrom <= version) return { version, usableFrom, text };
  throw new Error(`${basename(file)} is no step: NNNN-title.sql, with "-- usable from N" on top.`);
}
