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
import {
  aheadDigest,
  planSchema,
  type FoundSchema,
  type OwnSchema,
  type SchemaPlan,
  type SchemaStep,
} from './schema-plan.ts';
import { ownerTarget, type ServerRun } from './server-process.ts';

export interface SchemaFiles extends OwnSchema {
  /** Texts to run again, in order. */
  readonly texts: readonly string[];
  /** Those of them that applications feel even when no event trigger is enabled. */
  readonly felt: readonly string[];
}

/** Large objects are refused; a login guard makes logins wait while it is made. */
const feltFiles = ['large-objects.sql', 'login-guard.sql'];

/** What this program knows. */
export async function readSchemaFiles({
  programs,
}: Pick<RegionContext, 'programs'>): Promise<SchemaFiles> {
  const folder = join(programs.repositoryFolder, 'infra/postgres');
  const read = (file: string): Promise<string> => readFile(file, 'utf8');
  const files = await filesIn(folder);
  const texts = await Promise.all(files.map(read));
  const felt = texts.filter((_, index) => feltFiles.includes(basename(files[index] ?? '')));
  const steps = await Promise.all((await filesIn(join(folder, 'steps'))).map(readStep));
  const all = [...steps.map(({ text }) => text), ...texts].join('\n');
  return { texts, felt, steps, digest: hash('sha256', all, 'base64url') };
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
  const plan = await planFor(client, files);
  if (plan.kind === 'finish') await make(client, [...files.felt, switchTriggers('ENABLE')], plan);
  if (plan.kind !== 'make') return;
  await make(client, [...plan.steps.map(({ text }) => text), ...files.texts], plan);
}

/**
 * In the database of a server that may be kept, over a connection of its superuser: all that its
 * applications do not feel. `bringForward` does the rest in what becomes of it.
 */
export async function makeAhead(client: PgClient, files: SchemaFiles): Promise<void> {
  const plan = await planFor(client, { ...files, digest: aheadDigest(files.digest) });
  if (plan.kind !== 'make') return;
  const unfelt = files.texts.filter((text) => !files.felt.includes(text));
  const steps = plan.steps.map(({ text }) => text);
  const asOwner = 'SET LOCAL SESSION AUTHORIZATION meridian_owner';
  await make(client, [asOwner, ...steps, ...unfelt, switchTriggers('DISABLE')], plan);
}

/** Meridian's event triggers, all that are not as `to` says. */
function switchTriggers(to: 'ENABLE' | 'DISABLE'): string {
  return `DO $$
    DECLARE
      one name;
    BEGIN
      FOR one IN SELECT evtname FROM pg_event_trigger WHERE evtname LIKE 'meridian\\_%'
        AND (evtenabled = 'D') = ${String(to === 'ENABLE')}
      LOOP
        EXECUTE format('ALTER EVENT TRIGGER %I ${to}', one);
      END LOOP;
    END
    $$`;
}

/** What is to be done; throws ConfigInvalid when this program must not touch what is there. */
async function planFor(
  client: PgClient,
  own: OwnSchema,
): Promise<Exclude<SchemaPlan, { kind: 'refuse' }>> {
  const [isThere] = await select(
    client,
    `SELECT to_regclass('meridian_local.progress') AS progress,
       to_regclass('meridian_local.schema_version') AS version`,
  );
  const found = isThere?.['version'] === null ? null : await readFound(client);
  const plan = planSchema(found, own, isThere?.['progress'] !== null);
  if (plan.kind !== 'refuse') return plan;
  const hint = 'Start the node with the program that it ran last, or have it seeded anew.';
  throw new MeridianError('ConfigInvalid', plan.why, { hint });
}

async function make(
  client: PgClient,
  texts: readonly string[],
  { after }: { readonly after: FoundSchema },
): Promise<void> {
  await client.query('BEGIN');
  try {
    for (const text of texts) await client.query(text);
    await client.query(
      `INSERT INTO meridian_local.schema_version (version, usable_from, digest)
       VALUES ($1, $2, $3) ON CONFLICT (one_row) DO UPDATE SET version = excluded.version,
       usable_from = excluded.usable_from, digest = excluded.digest`,
      [after.version, after.usableFrom, after.digest],
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
