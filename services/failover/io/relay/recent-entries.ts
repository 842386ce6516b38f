/**
 * The newest entries of the control log that this region has read, for regions whose own way to
 * the log is cut: they are answered from here at once.
 */
import type { LogOffset } from '../../../../shared/core/log-offset.ts';
import type { ControlEntry } from '../../../../shared/ports/control-log.ts';

/** Half an hour of renewals. */
const entriesKept = 4096;

export class RecentEntries {
  #entries: ControlEntry[] = [];
  readonly #waiting = new Set<() => void>();

  /** Notes the next entry read; one that is known already changes nothing. */
  note(entry: ControlEntry): void {
    const last = this.#entries.at(-1);
    if (last !== undefined && entry.offset <= last.offset) return;
    this.#entries.push(entry);
    if (this.#entries.length >= 2 * entriesKept) this.#entries = this.#entries.slice(-entriesKept);
    for (const wake of [...this.#waiting]) wake();
  }

  /** At most `max` entries from `offset` on; null when they are not kept so far back. */
  from(offset: LogOffset, max: number): readonly ControlEntry[] | null {
    const first = this.#entries[0];
    if (first === undefined || offset < first.offset) return null;
    const at = this.#entries.findLastIndex((entry) => entry.offset < offset) + 1;
    return this.#entries.slice(at, at + max);
  }

  /** Resolves at the next entry, or after `ms`. */
  next(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      this.#waiting.add(finish);
    });
  }
}
