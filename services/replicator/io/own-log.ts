/**
 * The region's own log as the replicator keeps it: what it holds, the one writer, and the newest
 * records in memory. Loaded once; facts follow every append.
 */
import { randomUUID } from 'node:crypto';
import type { CommitRecord } from '../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { laterPosition, zeroPosition, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataLog } from '../../../shared/ports/data-log.ts';
import { packRecord } from '../../../shared/runtime/record-packing.ts';
import { endPositionOf } from '../../../shared/core/commit-record.ts';
import { LogWriter } from './log-writer.ts';
import { offsetAfter } from '../../../shared/runtime/log-position.ts';
import { readLogFacts, type LogFacts } from './log-search.ts';
import { OffsetIndex } from './offset-index.ts';
import { RecordFeed } from './record-feed.ts';

export interface OwnLogOptions {
  readonly log: DataLog;
  readonly region: RegionId;
  readonly clock: Clock;
  readonly appendBytesMax: number;
  readonly feedBytesMax: number;
  readonly signal: AbortSignal;
}

export class OwnLog {
  readonly #options: OwnLogOptions;
  readonly writer: LogWriter;
  #facts: LogFacts | null = null;
  #feed: RecordFeed | null = null;
  readonly #index = new OffsetIndex();

  constructor(options: OwnLogOptions) {
    this.#options = options;
    this.writer = new LogWriter(options);
  }

  get log(): DataLog {
    return this.#options.log;
  }

  /** Newest records in memory; null before the log was read. */
  get feed(): RecordFeed | null {
    return this.#feed;
  }

  /** What the log holds; null before it was read. */
  get facts(): LogFacts | null {
    return this.#facts;
  }

  /** Reads what the log holds, once. */
  async load(signal: AbortSignal): Promise<LogFacts> {
    if (this.#facts !== null) return this.#facts;
    const facts = await readLogFacts(this.#options.log, this.#index, signal);
    if (signal.aborted) throw new Error('ended');
    this.#facts = facts;
    this.#feed = new RecordFeed(facts.last, this.#options.feedBytesMax);
    return facts;
  }

  /** Offset from which the log holds everything after `position`. */
  async offsetAfter(position: Position, signal: AbortSignal): Promise<LogOffset> {
    return this.#index.after(position) ?? (await offsetAfter(this.#options.log, position, signal));
  }

  /** Makes an empty log a store of its own, which begins after `position`. */
  async beginStore(position: Position, epoch: Epoch): Promise<string> {
    const store = randomUUID();
    const origin = this.#options.region;
    await this.append({ kind: 'seed', epoch, origin, position, store });
    this.#feed = new RecordFeed(position, this.#options.feedBytesMax);
    return store;
  }

  /** Deletes everything; the log has to be filled and closed by `beginStore` again. */
  async reset(): Promise<void> {
    await this.#options.log.reset();
    this.#index.clear();
    const startedEpochs = new Set<number>();
    const end = 0n as LogOffset;
    this.#facts = {
      ...{ end, store: null, last: zeroPosition, sealedEpoch: 0, opened: null, startedEpochs },
    };
    this.#feed = new RecordFeed(zeroPosition, this.#options.feedBytesMax);
  }

  /** Appends a record made here, for this log or for everybody; resolves when it is durable. */
  async append(record: CommitRecord): Promise<void> {
    const bytes = packRecord(record);
    this.note(record, await this.writer.append(bytes));
    const isForAll = record.kind === 'epoch-start';
    if (isForAll) this.#feed?.publish(record, bytes);
  }

  /** Takes into account that the log holds `record` at `offset`. */
  note(record: CommitRecord, offset: LogOffset): void {
    const facts = this.#facts;
    if (facts === null) return;
    const end = endPositionOf(record);
    if (end !== null) this.#index.add(end, offset);
    const last = end === null ? facts.last : laterPosition(facts.last, end);
    const next = { ...facts, last };
    if (record.kind === 'seed') this.#facts = { ...next, store: record.store };
    else if (record.kind === 'sealed') {
      this.#facts = { ...next, sealedEpoch: Math.max(facts.sealedEpoch, record.epoch) };
    } else if (record.kind === 'opened') {
      const { epoch, timeline } = record;
      this.#facts = { ...next, opened: { epoch, timeline } };
    } else if (record.kind === 'epoch-start') {
      this.#facts = { ...next, startedEpochs: new Set(facts.startedEpochs).add(record.epoch) };
    } else if (end !== null) this.#facts = next;
  }
}
