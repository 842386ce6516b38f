/**
 * The region's own log as the replicator keeps it: what it holds, the one writer, and the newest
 * records in memory. Loaded once; facts follow every append.
 */
import { randomUUID } from 'node:crypto';
import type { CommitRecord } from '../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { firstOffset, type LogOffset } from '../../../shared/core/log-offset.ts';
import { zeroPosition, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataLog } from '../../../shared/ports/data-log.ts';
import { failpoint } from '../../../shared/runtime/failpoints.ts';
import { packRecord } from '../../../shared/runtime/record-packing.ts';
import { LogMap, type LogMark, type MapGrain } from '../core/log-map.ts';
import { repeatedRecords } from '../core/log-repeat.ts';
import type { HeldLog } from '../core/log-retention.ts';
import {
  decodeSummary,
  encodeSummary,
  isUsable,
  sketchOf,
  type LogFacts,
  type RecordSketch,
} from '../core/log-summary.ts';
import { LogWriter } from './log-writer.ts';
import { offsetAfter } from '../../../shared/runtime/log-position.ts';
import { emptyLog, readLog, withRecord, type PlacedRecord } from './log-search.ts';
import { OffsetIndex } from './offset-index.ts';
import { RecordFeed } from './record-feed.ts';

export interface OwnLogOptions {
  readonly log: DataLog;
  readonly region: RegionId;
  readonly clock: Clock;
  readonly appendBytesMax: number;
  readonly feedBytesMax: number;
  readonly grain: MapGrain;
  /** The text that `summary` gave last, if it is still there. */
  readonly readSummary: () => Promise<string | null>;
  readonly signal: AbortSignal;
}

export class OwnLog {
  readonly #options: OwnLogOptions;
  readonly writer: LogWriter;
  #facts: LogFacts | null = null;
  #loading: Promise<LogFacts> | null = null;
  #beginning: Promise<string> | null = null;
  #feed: RecordFeed | null = null;
  readonly #index = new OffsetIndex();
  readonly #map: LogMap;
  #trimmed: Promise<void> = Promise.resolve();
  /** Where the log begins, and its last record. */
  #start: LogOffset = firstOffset;
  #last: RecordSketch | null = null;

  constructor(options: OwnLogOptions) {
    this.#options = options;
    this.writer = new LogWriter(options);
    this.#map = new LogMap(options.grain);
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

  /** How much the log holds and where it may begin; null before it was read. */
  get held(): HeldLog | null {
    if (this.#facts === null) return null;
    const { marks, heldBytes, totalBytes } = this.#map;
    return { begins: this.#facts.begins ?? zeroPosition, marks, heldBytes, totalBytes };
  }

  /** What a later start needs not read again; null when it would not be believed. */
  get summary(): string | null {
    if (this.#facts === null || this.#last === null) return null;
    const [start, last] = [this.#start, this.#last];
    const summary = { start, last, facts: this.#facts, map: this.#map.state() };
    return isUsable(summary) ? encodeSummary(summary) : null;
  }

  /** Reads what the log holds, once. */
  async load(signal: AbortSignal): Promise<LogFacts> {
    if (this.#facts !== null) return this.#facts;
    this.#loading ??= this.#load(signal).finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #load(signal: AbortSignal): Promise<LogFacts> {
    this.#forget();
    const { log, readSummary } = this.#options;
    const text = await readSummary().catch(() => null);
    const summary = text === null ? null : decodeSummary(text);
    const { facts, start, last } = await readLog(log, { maps: this.#maps, summary }, signal);
    if (signal.aborted) throw new Error('ended');
    this.#facts = facts;
    this.#start = start;
    this.#last = last;
    this.#feed = new RecordFeed(facts.last, this.#options.feedBytesMax);
    return facts;
  }

  /** Offset from which the log holds everything after `position`. */
  async offsetAfter(position: Position, signal: AbortSignal): Promise<LogOffset> {
    return this.#index.after(position) ?? (await offsetAfter(this.#options.log, position, signal));
  }

  /** The store that the log is; one that is none yet is made one that begins after `position`. */
  async storeFrom(position: Position, epoch: Epoch): Promise<string> {
    const held = this.#facts?.store ?? null;
    if (held !== null) return held;
    this.#beginning ??= this.beginStore(position, epoch).finally(() => (this.#beginning = null));
    return this.#beginning;
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
    this.#forget();
    await this.#trimmed;
    await this.#options.log.reset();
    this.#start = (await this.#options.log.bounds()).start;
    this.#forget();
    this.#facts = emptyLog;
    this.#feed = new RecordFeed(zeroPosition, this.#options.feedBytesMax);
  }

  /**
   * Lets the log begin at `mark`, one of its map; what a restart must know is appended again
   * before. A reset comes after it, or leaves it nothing to do.
   */
  trim(mark: LogMark, epoch: Epoch): Promise<void> {
    const work = this.#trim(mark, epoch);
    this.#trimmed = work.catch(() => undefined);
    return work;
  }

  async #trim(mark: LogMark, epoch: Epoch): Promise<void> {
    const { facts } = this;
    if (facts === null || !this.#map.marks.includes(mark)) return;
    const repeated = repeatedRecords(facts, mark, { origin: this.#options.region, epoch });
    await Promise.all(repeated.map((record) => this.append(record)));
    await failpoint('own-log.before-trim');
    await this.#options.log.trim(mark.offset);
    if (this.#facts === null || !this.#map.marks.includes(mark)) return;
    this.#index.dropBefore(mark.offset);
    this.#map.dropBefore(mark);
    this.#start = mark.offset;
    this.#facts = { ...this.#facts, begins: mark.end };
  }

  /** Appends a record made here, for this log or for everybody; resolves when it is durable. */
  async append(record: CommitRecord): Promise<void> {
    const bytes = packRecord(record);
    const { byteLength } = bytes;
    this.note({ record, offset: await this.writer.append(bytes), byteLength });
    const isForAll = record.kind === 'epoch-start';
    if (isForAll) this.#feed?.publish(record, bytes);
  }

  /** Takes into account that the log holds a record at its place. */
  note(placed: PlacedRecord): void {
    if (this.#facts === null) return;
    this.#facts = withRecord(this.#facts, placed, this.#maps);
    this.#last = sketchOf(placed.record, placed);
  }

  get #maps(): { readonly index: OffsetIndex; readonly map: LogMap } {
    return { index: this.#index, map: this.#map };
  }

  #forget(): void {
    this.#index.clear();
    this.#map.clear();
    this.#last = null;
  }
}
