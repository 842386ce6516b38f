/**
 * A coarse map of the own log: where transactions end, how many bytes lie between, how old they
 * are. Coarse, since a log is trimmed by pieces and its map is kept in memory.
 */
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { Position } from '../../../shared/core/position.ts';

/** A place at which the log may begin: everything after `end` is at or behind `offset`. */
export interface LogMark {
  readonly offset: LogOffset;
  readonly end: Position;
  /** Bytes of the log before `offset`, counted from where the map began. */
  readonly bytesBefore: number;
  readonly atMs: number;
}

export interface MappedRecord {
  readonly offset: LogOffset;
  readonly bytes: number;
  /** Where it ends a transaction; null when it does not. */
  readonly end: Position | null;
  /** When it was made, by the primary's clock; null when it does not say. */
  readonly atMs: number | null;
}

export interface MapGrain {
  /** A mark after so many bytes, or so much time, whichever comes first. */
  readonly bytes: number;
  readonly ms: number;
}

/** Fine enough for the limits that the log is kept within. */
export function grainOf(limits: { logKeepMs: number; logKeepBytes: number }): MapGrain {
  const { logKeepMs, logKeepBytes } = limits;
  return { bytes: Math.ceil(logKeepBytes / 256), ms: Math.ceil(logKeepMs / 64) };
}

export interface LogMapState {
  readonly marks: readonly LogMark[];
  readonly bytes: number;
  readonly bytesDropped: number;
}

/** What the broker stores with each record, about. */
const recordHeadBytes = 64;

export class LogMap {
  readonly #grain: MapGrain;
  #marks: LogMark[] = [];
  #bytes = 0;
  #bytesDropped = 0;

  constructor(grain: MapGrain) {
    this.#grain = grain;
  }

  get marks(): readonly LogMark[] {
    return this.#marks;
  }

  /** Bytes that the log holds. */
  get heldBytes(): number {
    return this.#bytes - this.#bytesDropped;
  }

  /** Bytes of all records so far, those that were dropped included. */
  get totalBytes(): number {
    return this.#bytes;
  }

  /** Records come in the order of the log. */
  add({ offset, bytes, end, atMs }: MappedRecord): void {
    this.#bytes += bytes + recordHeadBytes;
    if (end === null || atMs === null) return;
    const last = this.#marks.at(-1);
    const isDue =
      last === undefined ||
      this.#bytes - last.bytesBefore >= this.#grain.bytes ||
      atMs - last.atMs >= this.#grain.ms;
    if (!isDue) return;
    const next = (offset + 1n) as LogOffset;
    this.#marks.push({ offset: next, end, bytesBefore: this.#bytes, atMs });
  }

  /** The log begins at `mark` from now on. */
  dropBefore(mark: LogMark): void {
    this.#bytesDropped = Math.max(this.#bytesDropped, mark.bytesBefore);
    this.#marks = this.#marks.filter(({ offset }) => offset > mark.offset);
  }

  state(): LogMapState {
    return { marks: [...this.#marks], bytes: this.#bytes, bytesDropped: this.#bytesDropped };
  }

  /** Goes on from what a map was. */
  restore({ marks, bytes, bytesDropped }: LogMapState): void {
    this.#marks = [...marks];
    this.#bytes = bytes;
    this.#bytesDropped = bytesDropped;
  }

  clear(): void {
    this.#marks = [];
    this.#bytes = 0;
    this.#bytesDropped = 0;
  }
}
