/**
 * Applies records to the region's own node: rows and progress in one transaction, committed only
 * when the own log holds them, and only if the fence allows it. What does not fit stops it.
 */
import {
  checkChain,
  placeAt,
  type ChainPlace,
  type ChainVerdict,
  type Cuts,
} from '../core/chain-check.ts';
import { DdlSpotter } from '../core/ddl-spotter.ts';
import type { ChunkRecord, LoggedTransaction } from '../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { formatLsn, type Lsn } from '../../../shared/core/lsn.ts';
import type { Position } from '../../../shared/core/position.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import { isRetryableLock } from '../../../shared/errors/sqlstate.ts';
import {
  type PgClient,
  connectPg,
  ownSessionOptions,
  textSettings,
  type PgTarget,
} from '../../../shared/pg/client.ts';
import { failpoint } from '../../../shared/runtime/failpoints.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import type { ApplyItem } from './apply/apply-queue.ts';
import { ChangeWriter, type WriteMode } from './apply/change-writer.ts';
import { dropOfUnenforced } from './apply/unenforced-index.ts';
import { divergenceAt, mayFitOneByOne } from './apply/refused-change.ts';
import { readProgress, takeOrigin, type Progress } from './apply/progress-row.ts';

export interface ApplierOptions {
  readonly pg: Omit<PgTarget, 'applicationName' | 'options'>;
  /** Epoch that the fence may be sealed for, at most. */
  readonly fenceEpoch: Epoch;
  readonly incarnation: string;
  readonly cuts: () => Cuts;
  readonly groupTransactionsMax: number;
  readonly onApplied: (applied: AppliedFacts) => void;
}

export interface AppliedFacts {
  readonly applied: Position;
  /** Nothing at or below it is missing here. */
  readonly reached: Position;
  /** Commit or idle time, microseconds since 2000; null when nothing is known. */
  readonly timeUs: bigint | null;
  readonly transactions: number;
}

interface Group {
  readonly transactions: LoggedTransaction[];
  readonly epoch: Epoch;
  /** Messages of the whole group, known transactions' relation messages included. */
  readonly messages: Uint8Array[];
  readonly logged: Promise<void>[];
}

const lockTriesMax = 1000;
const advanceProgress =
  'SELECT meridian_local.advance_progress($1::int, $2::pg_lsn, $3::int, $4::pg_lsn, ' +
  "timestamptz '2000-01-01 00:00:00+00' + $5::bigint * interval '1 microsecond', $6::int, $7)";

export class Applier {
  readonly #client: PgClient;
  readonly #options: ApplierOptions;
  readonly #writer: ChangeWriter;
  /** What is committed here. */
  #applied: Position;
  /** Where the next record must follow: within a chunked transaction beyond `#applied`. */
  #place: ChainPlace;
  #reached: Position;
  #chunkLogged: Promise<void>[] = [];
  /** The outcome of the last COMMIT that was sent. */
  #committed: Promise<void> = Promise.resolve();
  readonly progress: Progress;

  private constructor(client: PgClient, options: ApplierOptions, progress: Progress) {
    this.#client = client;
    this.#options = options;
    this.progress = progress;
    this.#applied = progress.position;
    this.#place = placeAt(progress.position);
    this.#reached = progress.position;
    this.#writer = new ChangeWriter(client);
  }

  /** Connects, takes the replication origin and reads the progress row; rejects without one. */
  static async connect(options: ApplierOptions): Promise<Applier> {
    const client = await connectPg({
      ...options.pg,
      applicationName: 'meridian applier',
      options:
        `${ownSessionOptions} ${textSettings} -c session_replication_role=replica ` +
        '-c client_connection_check_interval=1s -c lock_timeout=5s -c statement_timeout=0 ' +
        '-c idle_in_transaction_session_timeout=0 ' +
        '-c default_transaction_isolation=read\\ committed -c row_security=off',
    });
    try {
      await takeOrigin(client);
      const progress = await readProgress(client);
      if (progress === null) throw new Error('there is no progress row yet');
      return new Applier(client, options, progress);
    } catch (error) {
      void client.end().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Applies all of `items`, in order, in few transactions; resolves with what is committed. With
   * `hasMore`, the last COMMIT may still be under way.
   */
  async apply(items: readonly ApplyItem[], hasMore = false): Promise<Position> {
    let group: Group | null = null;
    for (const item of items) {
      const { record } = item;
      const verdict = checkChain(this.#place, record, this.#options.cuts());
      if (verdict.kind === 'skip') continue;
      if (verdict.kind === 'gap') {
        throw new MeridianError('ProtocolViolation', `records do not follow: ${verdict.why}`);
      }
      if (verdict.kind === 'transactions') {
        if (group !== null && group.epoch !== record.epoch) group = await this.#flush(group);
        group ??= { transactions: [], epoch: record.epoch, messages: [], logged: [] };
        group.logged.push(item.logged);
        this.#place = verdict.place;
        group = await this.#addAll(group, verdict, new DdlSpotter());
        continue;
      }
      if (group !== null) group = await this.#flush(group);
      await this.#committed;
      if (verdict.kind === 'idle') {
        this.#noteIdle(record.epoch, verdict.lsn, record.kind === 'idle' ? record.timeUs : null);
      } else if (verdict.kind === 'epoch-start') {
        await this.#commitEpochStart(item, verdict.place.position);
      } else if (record.kind === 'chunk') {
        if (verdict.restarts) await this.#writer.rollback();
        await this.#applyChunk(record, item, verdict.place);
      }
    }
    if (group !== null) await this.#flush(group);
    if (!hasMore) await this.#committed;
    return this.#applied;
  }

  /** Rolls an open chunked transaction back and ends the connection. */
  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }

  /** Adds the transactions of one record; those with DDL are applied on their own. */
  async #addAll(
    group: Group,
    { known, transactions }: Extract<ChainVerdict, { kind: 'transactions' }>,
    spotter: DdlSpotter,
  ): Promise<Group> {
    let into = group;
    for (const { messages } of known) {
      spotter.spot(messages);
      addMessages(into, relationsIn(messages));
    }
    for (const transaction of transactions) {
      const hasDdl = spotter.spot(transaction.messages);
      if (hasDdl) into = await this.#flushAndGoOn(into);
      into.transactions.push(transaction);
      addMessages(into, transaction.messages);
      const isFull = into.transactions.length >= this.#options.groupTransactionsMax;
      if (hasDdl || isFull) into = await this.#flushAndGoOn(into);
    }
    return into;
  }

  async #flushAndGoOn(group: Group): Promise<Group> {
    await this.#flush(group);
    return { ...group, transactions: [], messages: relationsIn(group.messages) };
  }

  async #flush(group: Group): Promise<null> {
    const last = group.transactions.at(-1);
    if (last === undefined) return null;
    const end: Position = { epoch: group.epoch, endLsn: last.endLsn };
    await this.#inGroupsOrOneByOne(end, null, async (mode, first) => {
      this.#writer.begin();
      for (const command of first) this.#writer.command(command);
      await this.#writer.write(group.messages, mode);
      await this.#writer.finish();
    });
    await failpoint('applier.before-logged');
    await Promise.all(group.logged);
    await this.#commit(end, last.commitTimeUs, group.transactions.length);
    return null;
  }

  async #applyChunk(record: ChunkRecord, item: ApplyItem, place: ChainPlace): Promise<void> {
    if (record.part === 0) {
      this.#writer.begin();
      this.#chunkLogged = [];
    }
    this.#chunkLogged.push(item.logged);
    await this.#writer.send();
    const at: Position = { epoch: record.epoch, endLsn: record.endLsn ?? record.prevEndLsn };
    await this.#inGroupsOrOneByOne(at, 'part', async (mode, first) => {
      this.#writer.command('SAVEPOINT part');
      for (const command of first) this.#writer.command(command);
      await this.#writer.write(record.messages, mode);
      this.#writer.command('RELEASE SAVEPOINT part');
      await this.#writer.send();
    });
    this.#place = place;
    if (!record.isLast) return;
    await this.#writer.finish();
    await Promise.all(this.#chunkLogged);
    this.#chunkLogged = [];
    await this.#commit(place.position, record.commitTimeUs, 1);
    await this.#committed;
  }

  async #commitEpochStart(item: ApplyItem, position: Position): Promise<void> {
    await item.logged;
    this.#writer.begin();
    await this.#writer.send();
    const time = item.record.kind === 'epoch-start' ? item.record.timeUs : 0n;
    await this.#commit(position, time, 0);
    await this.#committed;
    this.#place = placeAt(position);
  }

  /**
   * Runs `write` with as few statements as possible, and again row by row when that does not fit;
   * before each repetition it rolls back to `savepoint`, or wholly. `first` is to be run before the
   * changes.
   */
  async #inGroupsOrOneByOne(
    end: Position,
    savepoint: string | null,
    write: (mode: WriteMode, first: ReadonlySet<string>) => Promise<void>,
  ): Promise<void> {
    let mode: WriteMode = 'grouped';
    const first = new Set<string>();
    for (let tries = 0; ; tries += 1) {
      try {
        await write(mode, first);
        return;
      } catch (error) {
        // What came before has failed first, if it has.
        await this.#committed;
        if (!mayFitOneByOne(error)) throw error;
        await this.#writer.rollback(savepoint);
        const drop = await dropOfUnenforced(this.#client, error);
        if (drop !== null && !first.has(drop)) first.add(drop);
        else if (isRetryableLock(error) && tries < lockTriesMax) await sleep(50);
        else if (mode === 'one by one') throw divergenceAt(end, error);
        else mode = 'one by one';
      }
    }
  }

  /** Sends COMMIT once the one before has succeeded; `#committed` is its outcome. */
  async #commit(to: Position, timeUs: bigint, transactions: number): Promise<void> {
    await this.#committed;
    const { fenceEpoch, incarnation } = this.#options;
    const from = this.#applied;
    await failpoint('applier.before-commit');
    const sent = this.#writer.commit(advanceProgress, [
      ...[String(from.epoch), formatLsn(from.endLsn), String(to.epoch), formatLsn(to.endLsn)],
      ...[String(timeUs), String(fenceEpoch), incarnation],
    ]);
    this.#committed = sent.then(async () => {
      await failpoint('applier.after-commit');
      this.#applied = to;
      this.#reached = to;
      this.#options.onApplied({ applied: to, reached: to, timeUs, transactions });
    });
    this.#committed.catch(() => undefined);
  }

  #noteIdle(epoch: Epoch, lsn: Lsn, timeUs: bigint | null): void {
    const reached: Position = { epoch, endLsn: lsn };
    if (lsn > this.#reached.endLsn || epoch > this.#reached.epoch) this.#reached = reached;
    const { onApplied } = this.#options;
    onApplied({ applied: this.#applied, reached: this.#reached, timeUs, transactions: 0 });
  }
}

function addMessages(group: Group, messages: readonly Uint8Array[]): void {
  for (const message of messages) group.messages.push(message);
}

function relationsIn(messages: readonly Uint8Array[]): Uint8Array[] {
  return messages.filter((message) => message[0] === 82);
}
