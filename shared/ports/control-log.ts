/** The one stretched log that decides epochs and members. */
import type { ControlRecord } from '../core/control/control-record.ts';
import type { LogOffset } from '../core/log-offset.ts';

export interface ControlEntry {
  readonly offset: LogOffset;
  readonly record: ControlRecord;
}

export interface ControlLog {
  /**
   * Appends one record (acks=all). Resolves with its offset when acknowledged, rejects
   * LogUnavailable when that is unknown: read it back to learn. Never retried by itself after an
   * unknown outcome.
   */
  append(record: ControlRecord): Promise<LogOffset>;
  /**
   * Entries from `offset` on, in order, for ever (reconnects by itself); ends when `signal` aborts.
   * Throws ProtocolViolation on a record of an unknown version: the reader stops and says so.
   */
  read(offset: LogOffset, signal: AbortSignal): AsyncIterable<ControlEntry>;
  /** Monotonic time of the last answer of any kind; for health. */
  lastHeardMs(): number;
}

/** What a region does for another one whose own way to the control log is cut. */
export interface ControlRelay {
  /** Which log this region reads: Kafka's id of its topic; null while it has read nothing. */
  logId(): string | null;
  /** As ControlLog.append, on this region's own way to the log. */
  append(record: ControlRecord): Promise<LogOffset>;
  /** Some entries from `offset` on, in order; empty when none came within `waitMs`. */
  entriesFrom(offset: LogOffset, waitMs: number): Promise<readonly ControlEntry[]>;
}
