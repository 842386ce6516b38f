/** Where the newest transactions are in the own log; spares a search for positions near its end. */
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { isAtOrPast, type Position } from '../../../shared/core/position.ts';

const entriesMax = 20_000;

interface Entry {
  readonly end: Position;
  readonly offset: LogOffset;
}

export class OffsetIndex {
  #entries: Entry[] = [];

  /** Ends of transactions come in the order of the log. */
  add(end: Position, offset: LogOffset): void {
    this.#entries.push({ end, offset });
    if (this.#entries.length > entriesMax * 2) this.#entries.splice(0, entriesMax);
  }

  /** The log begins at `offset` from now on. */
  dropBefore(offset: LogOffset): void {
    this.#entries = this.#entries.filter((entry) => entry.offset >= offset);
  }

  clear(): void {
    this.#entries = [];
  }

  /** Offset right after the last transaction at or below `position`; null when it is older. */
  after(position: Position): LogOffset | null {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && isAtOrPast(position, entry.end)) low = middle + 1;
      else high = middle;
    }
    const last = this.#entries[low - 1];
    return last === undefined ? null : ((last.offset + 1n) as LogOffset);
  }
}
