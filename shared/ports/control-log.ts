/** The one stretched log that decides epochs and members. */
import type { ControlRecord } from '../core/control/control-record.ts';
import type { LogOffset } from '../core/log-offset.ts';

export interface ControlEntry {
  readonly offset: LogOffset;
  readonly record: ControlRecord;
}

export interface ControlLog {
  /**
   * Appends one record (acks=all). Resolves when acknowledged, rejects LogUnavailable when that is
   * unknown: read it back to learn. Never retried by itself after an unknown outcome.
   */
  append(record: ControlRecord): Promise<void>;
  /**
   * Entries from `offset` on, in order, for ever (reconnects by itself); ends when `signal` aborts.
   * Throws ProtocolViolation on a record of an unknown version: the reader stops and says so.
   */
  read(offset: LogOffset, signal: AbortSignal): AsyncIterable<ControlEntry>;
  /** Monotonic time of the last answer of any kind; for health. */
  lastHeardMs(): number;
}
