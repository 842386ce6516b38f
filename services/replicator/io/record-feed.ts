/**
 * The newest records of this region in memory, bounded by bytes, for the regions that follow it.
 * Older ones are served from the own log.
 */
import { endPositionOf } from '../../../shared/core/commit-record.ts';
import type { CommitRecord } from '../../../shared/core/commit-record.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import { comparePositions, isAtOrPast, type Position } from '../../../shared/core/position.ts';

export interface FeedEntry {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  readonly record: FeedRecord;
}

/** What of a record the feed keeps: enough to place it. */
export interface FeedRecord {
  readonly end: Position | null;
  /** A reader must be at or past this to go on after the record was dropped. */
  readonly floor: Position | null;
}

export class RecordFeed {
  readonly #bytesMax: number;
  readonly #listeners = new Set<() => void>();
  #entries: FeedEntry[] = [];
  #first = 0;
  #bytes = 0;
  #nextSequence = 0;
  #floor: Position;

  constructor(floor: Position, bytesMax: number) {
    this.#floor = floor;
    this.#bytesMax = bytesMax;
  }

  /** Adds a record; the oldest ones are dropped when there are too many bytes. */
  publish(record: CommitRecord, bytes: Uint8Array): void {
    const end = endPositionOf(record);
    const entry = { sequence: this.#nextSequence, bytes, record: { end, floor: floorOf(record) } };
    this.#nextSequence += 1;
    this.#entries.push(entry);
    this.#bytes += bytes.byteLength;
    this.#evict();
    for (const listener of this.#listeners) listener();
  }

  /** Sequence of the first record after `position`; null when it was dropped already. */
  sequenceAfter(position: Position): number | null {
    if (!isAtOrPast(position, this.#floor)) return null;
    for (let index = this.#entries.length - 1; index >= this.#first; index -= 1) {
      const entry = this.#entries[index];
      const end = entry?.record.end ?? null;
      if (entry !== undefined && end !== null && isAtOrPast(position, end)) {
        return entry.sequence + 1;
      }
    }
    return this.#entries[this.#first]?.sequence ?? this.#nextSequence;
  }

  /** The record of that sequence: `dropped` when it is gone, null when it is yet to come. */
  at(sequence: number): FeedEntry | 'dropped' | null {
    if (sequence >= this.#nextSequence) return null;
    const oldest = this.#entries[this.#first]?.sequence ?? this.#nextSequence;
    if (sequence < oldest) return 'dropped';
    return this.#entries[this.#first + (sequence - oldest)] ?? 'dropped';
  }

  onPublished(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #evict(): void {
    while (this.#bytes > this.#bytesMax && this.#first < this.#entries.length - 1) {
      const entry = this.#entries[this.#first];
      if (entry === undefined) break;
      this.#first += 1;
      this.#bytes -= entry.bytes.byteLength;
      const { floor } = entry.record;
      if (floor !== null && comparePositions(floor, this.#floor) > 0) this.#floor = floor;
    }
    if (this.#first > 1024 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}

function floorOf(record: CommitRecord): Position | null {
  const end = endPositionOf(record);
  if (end !== null || record.kind !== 'chunk') return end;
  // Who stands before a large transaction needs its first part.
  return { epoch: record.epoch, endLsn: (record.prevEndLsn + 1n) as Lsn };
}
