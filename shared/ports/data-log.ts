/** A region's own durable log of transactions: written and read only inside that region. */
import type { CommitRecord } from '../core/commit-record.ts';
import type { LogOffset } from '../core/log-offset.ts';

export interface DataLogEntry {
  readonly offset: LogOffset;
  /** The encoded form, as stored: what the region link sends on. */
  readonly bytes: Uint8Array;
  readonly record: CommitRecord;
}

export interface DataLog {
  /**
   * Appends encoded records in order, one request in flight; resolves with the offset of the last
   * when it is durable. A failed send is unknown: the writer resends the same bytes from the last
   * acknowledged record on by itself until `signal` aborts (then LogUnavailable).
   */
  append(records: readonly Uint8Array[], signal: AbortSignal): Promise<LogOffset>;
  /** Entries from `offset` on; with `follow` it waits for more, else it ends at the end. */
  read(
    offset: LogOffset,
    options: { readonly follow: boolean; readonly signal: AbortSignal },
  ): AsyncIterable<DataLogEntry>;
  /** First offset held and the offset after the last. */
  bounds(): Promise<{ readonly start: LogOffset; readonly end: LogOffset }>;
  /** Deletes what lies before `offset`: the log begins there. */
  trim(offset: LogOffset): Promise<void>;
  /** Deletes everything: a new store begins. */
  reset(): Promise<void>;
}
