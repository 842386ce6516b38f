/**
 * A database that lives on a server of somebody else's becomes the cluster's first. Its data are
 * copied and the copy follows, while the application writes there. When a person says so the
 * database there is closed for good, the copy is brought to its very end, and is a server of its
 * own from then on. Until Meridian's tables are in it, a failure opens the old one again.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { formatLsn, type Lsn } from '../../../shared/core/lsn.ts';
import { MeridianError, messageOf } from '../../../shared/errors/meridian-error.ts';
import { withPg, type PgClient, type PgTarget } from '../../../shared/pg/client.ts';
import { quoteIdent } from '../../../shared/pg/quote.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import type { ManagedProcess } from '../process/managed-process.ts';
import { writeFileWhole } from '../process/whole-file.ts';
import type { RegionContext } from '../region-context.ts';
import {
  adoptedFile,
  adoptionFile,
  closingFile,
  dropAdoptionSlot,
  endEarlierSessions,
  insideOf,
  originOf,
  prepareOld,
  readAdoption,
  standingOf,
  targetOf,
  wayTo,
} from './adoption-source.ts';
import { removeAdoptedFiles } from './adopted-files.ts';
import { followUntilAsked } from './adoption-follow.ts';
import { closeDatabase, openDatabase } from './database-door.ts';
import type { NodeFolder } from './node-folder.ts';
import { untilRunning } from './one-server.ts';
import { bringForward, makeAhead, readSchemaFiles, type SchemaFiles } from './schema.ts';
import { copyData, readSwitchPoint, type Seed } from './seed.ts';
import { ownerTarget, serverStatus, type Adopted } from './server-process.ts';
import { closeOtherDatabases } from './setup.ts';

export interface AdoptionState {
  readonly phase: 'copying' | 'following' | 'taking-over';
  /** WAL that the copy has not replayed yet. */
  readonly behindBytes: number | null;
}

/** When each part of a take-over was done, in milliseconds since 1970. */
export interface TakeOverTimes {
  readonly askedAtMs: number;
  /** Nobody is left in the old database, and the copy has the end of its WAL. */
  readonly closedAtMs: number;
  readonly promotedAtMs: number;
  /** Meridian's tables are whole in the copy, and its door has their guard. */
  readonly wholeAtMs: number;
}

/** A copy without its source, which the file of the adoption names. */
type Copy = Omit<Seed, 'source'>;

/** The end of its WAL is a moment away when the old server is closed. */
const takeOverBoundMs = 10_000;
const promotionBoundMs = 30_000;
/** While writes pause. */
const pausedEveryMs = 5;

export class Adoption {
  readonly #context: RegionContext;
  readonly #boundMs: number;
  #asked = Promise.withResolvers<void>();
  #state: AdoptionState | null = null;
  #times: TakeOverTimes | null = null;
  #place: Adopted | null = null;

  constructor(context: RegionContext, boundMs = takeOverBoundMs) {
    this.#context = context;
    this.#boundMs = boundMs;
  }

  state(): AdoptionState | null {
    return this.#state;
  }

  /** Of the take-over that this agent has finished. */
  times(): TakeOverTimes | null {
    return this.#times;
  }

  /** Whom the node's server follows now. */
  followed(): Adopted | null {
    return this.#place;
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

  /**
   * Leaves the node's `server` running as one of its own, reachable by Meridian only: a stop and a
   * start would be waited for by everybody. `remember` keeps that it is, and the digest of
   * Meridian's own tables.
   */
  async run(
    seed: Copy,
    server: ManagedProcess,
    remember: (schema: string) => Promise<void>,
  ): Promise<void> {
    const source = readAdoption(this.#context.paths);
    const old = targetOf(source);
    const { host, port } = source;
    const way = wayTo(source);
    this.#asked = Promise.withResolvers<void>();
    try {
      this.#state = { phase: 'copying', behindBytes: null };
      // An earlier take-over was cut off: its copy was nobody's node, and is thrown away here.
      if (existsSync(closingFile(this.#context.paths))) await this.#takeBack(old);
      const limits = await withPg(old, (client) => prepareOld(this.#context, client));
      const schema = await readSchemaFiles(this.#context);
      await withPg(insideOf(source), (client) => makeAhead(client, schema));
      await copyData(this.#context, { ...seed, source: { host, port, foreign: way } });
      await this.#writeStandby(seed, limits);
      this.#place = { host, port, way };
      server.start();
      await untilRunning(server);
      let isAsked = false;
      void this.#asked.promise.then(() => (isAsked = true));
      const onBehind = (behindBytes: number): void => {
        this.#state = { phase: 'following', behindBytes };
      };
      await followUntilAsked({ old, seed, isAsked: () => isAsked, onBehind });
      this.#state = { phase: 'taking-over', behindBytes: 0 };
      const origin = originOf(source);
      await writeFileWhole(adoptedFile(this.#context.paths), origin);
      await writeFileWhole(closingFile(this.#context.paths), origin);
      const times = await this.#take(old, seed, { server, schema });
      await remember(schema.digest);
      this.#times = { ...times, wholeAtMs: Date.now() };
      void withPg(old, dropAdoptionSlot).catch(() => undefined);
    } catch (error) {
      await server.stop();
      // The folder may be set aside, and kept.
      await removeAdoptedFiles(seed.run.folder);
      await rm(adoptedFile(this.#context.paths), { force: true });
      throw error;
    } finally {
      this.#state = null;
      this.#place = null;
    }
  }

  /** There is a database: what told of one to adopt goes, its password and keys too. */
  async forget(folder: NodeFolder): Promise<void> {
    await removeAdoptedFiles(folder);
    await rm(closingFile(this.#context.paths), { force: true });
    await rm(adoptionFile(this.#context.paths), { force: true });
  }

  /** The old database is all there is: it is opened to its applications again. */
  async #takeBack(old: PgTarget): Promise<void> {
    await withPg(old, async (client) => {
      await endEarlierSessions(client);
      await openDatabase(client, this.#context.cluster.database);
    });
    await rm(closingFile(this.#context.paths), { force: true });
  }

  async #writeStandby(seed: Copy, limits: readonly string[]): Promise<void> {
    const { dataFolder } = seed.run.folder;
    const options = { mode: 0o600, owner: this.#context.postgresUser };
    await writeFileWhole(join(dataFolder, 'standby.signal'), '', options);
    const text = limits.map((line) => `${line}\n`).join('');
    await writeFileWhole(join(dataFolder, 'postgresql.auto.conf'), text, options);
  }

  /** From the closing on nobody writes until the region opens: nothing waits here that need not. */
  async #take(
    old: PgTarget,
    seed: Copy,
    { server, schema }: { readonly server: ManagedProcess; readonly schema: SchemaFiles },
  ): Promise<Omit<TakeOverTimes, 'wholeAtMs'>> {
    const { database } = this.#context.cluster;
    const askedAtMs = Date.now();
    try {
      const end = await withPg(old, (client) => this.#close(client, seed));
      const closedAtMs = Date.now();
      await this.#promote(seed, server);
      const promotedAtMs = Date.now();
      // The copy ended its recovery by itself: what it did not have by then it will never have.
      const has = await readSwitchPoint(seed.run.folder.dataFolder);
      if (has < end) throw new Error('The copy lacks the end.');
      await this.#settle(seed, schema);
      return { askedAtMs, closedAtMs, promotedAtMs };
    } catch (error) {
      // Nobody but Meridian was let into the copy: the old database is still all there is.
      await server.stop();
      await this.#takeBack(old).catch((why: unknown) => {
        const what = `${database} on the old server is still closed (${messageOf(why)})`;
        const hint = 'It is opened by the next attempt that reaches the server.';
        const message = `${messageOf(error)} And ${what}.`;
        throw new MeridianError('SeedFailed', message, { hint }, error);
      });
      throw error;
    }
  }

  /** What a node of Meridian's own has from the start. */
  async #settle({ run }: Copy, schema: SchemaFiles): Promise<void> {
    const { database } = this.#context.cluster;
    // Not flushed by itself: what follows in the database flushes it too.
    const first = `SET LOCAL synchronous_commit = off;
      ALTER DATABASE ${quoteIdent(database)} ALLOW_CONNECTIONS true; ${closeOtherDatabases};
      ALTER DATABASE ${quoteIdent(database)} SET synchronous_commit = on`;
    // In mode logged until another region has a copy: nobody could confirm more.
    await withPg(ownerTarget(this.#context, run.port, 'postgres'), (copy) =>
      copy.query(`BEGIN; ${first}; COMMIT`),
    );
    const target = ownerTarget(this.#context, run.port, database);
    await withPg(target, (client) => bringForward(client, schema));
  }

  /** Resolves when the copy's disk has all that was ever written to the database of `old`. */
  async #close(old: PgClient, seed: Copy): Promise<Lsn> {
    await closeDatabase(old, this.#context.cluster.database, this.#boundMs);
    // The last statement of the closing has flushed what was before it.
    const { end } = await standingOf(old, seed.run.node);
    this.#context.logger.info({ lsn: formatLsn(end) }, 'the old database is closed');
    await this.#until(this.#boundMs, 'The copy does not reach the end.', async () => {
      const { flushed } = await standingOf(old, seed.run.node);
      return flushed !== null && flushed >= end;
    });
    return end;
  }

  /** As `pg_ctl promote` does; the copy admits nobody before, so no session can ask for it. */
  async #promote(seed: Copy, server: ManagedProcess): Promise<void> {
    const { dataFolder } = seed.run.folder;
    const owner = this.#context.postgresUser;
    await writeFileWhole(join(dataFolder, 'promote'), '', { mode: 0o600, owner });
    server.signal('SIGUSR1');
    await this.#until(promotionBoundMs, 'The copy does not end its recovery.', () =>
      Promise.resolve(serverStatus(dataFolder) === 'ready'),
    );
    this.#context.logger.info('the copy has taken its place');
  }

  async #until(boundMs: number, otherwise: string, isSo: () => Promise<boolean>): Promise<void> {
    const deadlineMs = performance.now() + boundMs;
    while (!(await isSo())) {
      if (performance.now() > deadlineMs) throw new Error(otherwise);
      await sleep(pausedEveryMs);
    }
  }
}
