/**
 * A database that lives on a server of somebody else's on this machine becomes the cluster's first.
 * Its data are copied and the copy follows, while the application writes there. When a person says
 * so the database there is closed for good, the copy is brought to its very end, and is a server of
 * its own from then on. Until its end of recovery the old server can be opened again and is.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { formatLsn, parseLsn, type Lsn } from '../../../shared/core/lsn.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import {
  ownSessionOptions,
  withPg,
  type PgClient,
  type PgTarget,
} from '../../../shared/pg/client.ts';
import { quoteIdent } from '../../../shared/pg/quote.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { freePort } from '../process/address-check.ts';
import { writeFileWhole } from '../process/whole-file.ts';
import type { RegionContext } from '../region-context.ts';
import type { RegionPaths } from '../region-paths.ts';
import { closeDatabase, openDatabase } from './database-door.ts';
import { withOneServer, type OneServer } from './one-server.ts';
import { bringForward, readSchemaFiles } from './schema.ts';
import { copyData, type Seed } from './seed.ts';
import { adoptionSlot } from './settings.ts';
import { closeOtherDatabases, ensureRoles } from './setup.ts';

const sourceSchema = z.strictObject({
  host: z.string(),
  port: z.number(),
  database: z.string(),
  /** A superuser. */
  user: z.string(),
  password: z.string(),
});

const placeSchema = sourceSchema.pick({ host: true, port: true, database: true }).strip();

export type AdoptionSource = z.infer<typeof sourceSchema>;

export interface AdoptionState {
  readonly phase: 'copying' | 'following' | 'taking-over';
  /** WAL that the copy has not replayed yet. */
  readonly behindBytes: number | null;
}

/** Says, while it is there, that a new database is not to be made but this one adopted. */
export function adoptionFile(paths: Pick<RegionPaths, 'folder'>): string {
  return join(paths.folder, 'adopt.json');
}

/** Says afterwards whence the database came. */
export function adoptedFile(paths: Pick<RegionPaths, 'folder'>): string {
  return join(paths.folder, 'adopted.json');
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

const lookEveryMs = 200;
/** The end of its WAL is a moment away when the old server is closed. */
const takeOverBoundMs = 10_000;
const promotionBoundSeconds = 30;

export class Adoption {
  readonly #context: RegionContext;
  readonly #boundMs: number;
  #asked = Promise.withResolvers<void>();
  #state: AdoptionState | null = null;

  constructor(context: RegionContext, boundMs = takeOverBoundMs) {
    this.#context = context;
    this.#boundMs = boundMs;
  }

  state(): AdoptionState | null {
    return this.#state;
  }

  /** Whether there is a database to adopt. */
  isWanted(): boolean {
    return existsSync(adoptionFile(this.#context.paths));
  }

  /** Throws RequestInvalid unless the copy follows. */
  takeOver(): void {
    if (this.#state === null || this.#state.phase === 'copying') {
      throw new MeridianError('RequestInvalid', 'No copy follows a database here.');
    }
    this.#asked.resolve();
  }

  /** Leaves the server stopped, its data whole; returns the digest of Meridian's own tables. */
  async run(seed: Omit<Seed, 'source'>): Promise<string> {
    const file = adoptionFile(this.#context.paths);
    const source = sourceSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    const old = targetOf(source);
    const place = { host: source.host, port: source.port, isForeign: true };
    this.#asked = Promise.withResolvers<void>();
    try {
      this.#state = { phase: 'copying', behindBytes: null };
      const limits = await withPg(old, (client) => prepareOld(this.#context, client));
      await copyData(this.#context, { ...seed, source: place });
      await this.#writeStandby(seed, limits);
      // Nobody answers at the node's own port: who has a list of places goes on to the old server.
      const port = await freePort(this.#context.region.bind);
      const run = { ...seed.run, port, isRecovering: false, adopted: place };
      const schema = await readSchemaFiles(this.#context);
      await withOneServer(this.#context, run, async (server) => {
        await this.#follow(server, old, seed);
        this.#state = { phase: 'taking-over', behindBytes: 0 };
        const origin = JSON.stringify({ ...source, user: undefined, password: undefined });
        await writeFileWhole(adoptedFile(this.#context.paths), origin);
        await this.#take(server, old);
        const { database } = this.#context.cluster;
        await server.query(database, (client) => bringForward(client, schema));
      });
      void withPg(old, (client) => client.query(dropSlot, [adoptionSlot])).catch(() => undefined);
      return schema.digest;
    } catch (error) {
      await rm(adoptedFile(this.#context.paths), { force: true });
      throw error;
    } finally {
      this.#state = null;
    }
  }

  /** There is a database: what told of one to adopt goes, its password too. */
  async forget(): Promise<void> {
    await rm(adoptionFile(this.#context.paths), { force: true });
  }

  async #writeStandby(seed: Omit<Seed, 'source'>, limits: readonly string[]): Promise<void> {
    const { dataFolder } = seed.run.folder;
    const options = { mode: 0o600, owner: this.#context.postgresUser };
    await writeFileWhole(join(dataFolder, 'standby.signal'), '', options);
    const text = limits.map((line) => `${line}\n`).join('');
    await writeFileWhole(join(dataFolder, 'postgresql.auto.conf'), text, options);
  }

  async #follow(server: OneServer, old: PgTarget, seed: Omit<Seed, 'source'>): Promise<void> {
    let isAsked = false;
    void this.#asked.promise.then(() => (isAsked = true));
    let replayed = await replayedBy(server);
    const first = replayed;
    for (;;) {
      const end = await withPg(old, endOfWal);
      replayed = await replayedBy(server);
      const behindBytes = Number(end - replayed);
      this.#state = { phase: 'following', behindBytes: Math.max(0, behindBytes) };
      seed.onProgress(Number(replayed - first), null);
      if (isAsked) return;
      if (seed.signal.aborted) throw new Error('The agent was stopped.');
      await sleep(lookEveryMs);
    }
  }

  /** From the closing on nobody writes until the region opens: nothing waits here that need not. */
  async #take(server: OneServer, old: PgTarget): Promise<void> {
    const { database } = this.#context.cluster;
    await server.query('postgres', async (copy) => {
      try {
        await withPg(old, (client) => this.#close(client, copy));
      } catch (error) {
        await withPg(old, (client) => openDatabase(client, database)).catch(() => undefined);
        throw error;
      }
      await copy.query('SELECT pg_promote(true, $1)', [promotionBoundSeconds]);
      await openDatabase(copy, database);
      await copy.query(closeOtherDatabases);
      // Until another region has a copy nobody could confirm more.
      await copy.query(`ALTER DATABASE ${quoteIdent(database)} SET synchronous_commit = on`);
    });
  }

  /** Resolves when the copy has all that was ever written to the database of `old`. */
  async #close(old: PgClient, copy: PgClient): Promise<void> {
    // What is written out now is not written out while everybody waits.
    await old.query('CHECKPOINT');
    await this.#untilReplayed(copy, await endOfWal(old));
    await copy.query('CHECKPOINT');
    await closeDatabase(old, this.#context.cluster.database, this.#boundMs);
    const end = await endOfWal(old);
    this.#context.logger.info({ lsn: formatLsn(end) }, 'the old database is closed');
    await this.#untilReplayed(copy, end);
  }

  async #untilReplayed(copy: PgClient, end: Lsn): Promise<void> {
    const deadlineMs = performance.now() + this.#boundMs;
    while ((await lsnIn(copy, replayedSql)) < end) {
      if (performance.now() > deadlineMs) throw new Error('The copy does not reach the end.');
      await sleep(5);
    }
  }
}

const dropSlot = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
  WHERE slot_name = $1 AND NOT active`;

/** The database of the URL is about to be closed, so its server is asked in another one. */
function targetOf({ host, port, user, password }: AdoptionSource): PgTarget {
  return {
    ...{ host, port, user, password, isForeign: true },
    database: 'postgres',
    applicationName: 'meridian_adoption',
    options: ownSessionOptions,
  };
}

/** Roles and a slot on the old server. Returns its limits, which the copy must have as well. */
async function prepareOld(context: RegionContext, client: PgClient): Promise<string[]> {
  await client.query("SET log_statement = 'none'; SET password_encryption = 'scram-sha-256'");
  await ensureRoles(context, client);
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

async function endOfWal(client: PgClient): Promise<Lsn> {
  return lsnIn(client, 'SELECT pg_current_wal_insert_lsn() AS lsn');
}

const replayedSql = 'SELECT pg_last_wal_replay_lsn() AS lsn';

function replayedBy(server: OneServer): Promise<Lsn> {
  return server.query('postgres', (client) => lsnIn(client, replayedSql));
}

async function lsnIn(client: PgClient, sql: string): Promise<Lsn> {
  const { rows } = await client.query<{ lsn: string | null }>(sql);
  const lsn = parseLsn(rows[0]?.lsn ?? '');
  if (lsn === null) throw new Error('PostgreSQL names no position.');
  return lsn;
}
