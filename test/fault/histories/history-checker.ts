/**
 * Judges what sessions saw, knowing nothing of positions, tokens or regions: only who wrote what
 * when, what the writer had seen by then, and what each read returned. Every cell holds a number
 * that one session alone raises; all times are of one monotonic clock.
 */

/** The number in each cell. */
export type Vector = readonly number[];

export interface Read {
  readonly session: number;
  readonly level: 'session' | 'strong' | 'bounded';
  /** Of a bounded read, in milliseconds. */
  readonly boundMs: number;
  readonly startedMs: number;
  readonly seen: Vector;
}

interface Confirmed {
  readonly n: number;
  readonly atMs: number;
}

export class HistoryChecker {
  readonly violations: string[] = [];
  readonly #cells: number;
  readonly #ownerOf: (cell: number) => number;
  /** What each session must see from now on. */
  readonly #floors = new Map<number, number[]>();
  readonly #tried: number[];
  /** By cell: confirmed numbers, rising. */
  readonly #confirmed: Confirmed[][];
  /** By cell and number: what its writer had seen. */
  readonly #causes: Map<number, Vector>[];

  constructor(cells: number, ownerOf: (cell: number) => number) {
    this.#cells = cells;
    this.#ownerOf = ownerOf;
    this.#tried = Array<number>(cells).fill(0);
    this.#confirmed = Array.from({ length: cells }, () => []);
    this.#causes = Array.from({ length: cells }, () => new Map());
  }

  /** A write is about to be sent. */
  writing(session: number, cell: number, n: number): void {
    this.#tried[cell] = n;
    this.#causes[cell]?.set(n, [...this.#floorOf(session)]);
  }

  /** A write was answered as confirmed. */
  confirmed(session: number, { cell, n }: { cell: number; n: number }, atMs: number): void {
    this.#confirmed[cell]?.push({ n, atMs });
    this.#floorOf(session)[cell] = n;
  }

  /** The session was told that something it had seen is lost: it begins anew. */
  forget(session: number): void {
    this.#floors.delete(session);
  }

  read(read: Read): void {
    if (read.seen.length !== this.#cells) return this.#note(read, 'it shows other cells');
    for (const [cell, n] of read.seen.entries()) {
      this.#judgeCell(read, cell, n);
      this.#judgeCauses(read, cell, n);
    }
    if (read.level === 'bounded') return;
    const floor = this.#floorOf(read.session);
    for (const [cell, n] of read.seen.entries()) floor[cell] = Math.max(floor[cell] ?? 0, n);
  }

  #judgeCell(read: Read, cell: number, n: number): void {
    if (n > (this.#tried[cell] ?? 0)) this.#note(read, `nobody wrote ${n} to cell ${cell}`);
    if (read.level !== 'bounded') {
      const floor = this.#floorOf(read.session)[cell] ?? 0;
      const rule = this.#ownerOf(cell) === read.session ? 'own writes' : 'monotonic reads';
      if (n < floor) this.#note(read, `${rule}: cell ${cell} had ${floor}, now ${n}`);
    }
    if (read.level === 'session') return;
    const due = this.#dueAt(cell, read.startedMs - (read.level === 'strong' ? 0 : read.boundMs));
    if (n < due) this.#note(read, `${read.level}: cell ${cell} had to show ${due}, showed ${n}`);
  }

  /** Whatever the writer of `n` had seen is there as well. */
  #judgeCauses(read: Read, cell: number, n: number): void {
    const causes = this.#causes[cell]?.get(n) ?? [];
    for (const [other, cause] of causes.entries()) {
      const shown = read.seen[other] ?? 0;
      if (shown >= cause) continue;
      const isSame = this.#ownerOf(other) === this.#ownerOf(cell);
      const rule = isSame ? 'monotonic writes' : 'writes follow reads';
      this.#note(read, `${rule}: cell ${cell} shows ${n}, but cell ${other} ${shown} < ${cause}`);
    }
  }

  /** The greatest number of `cell` that was confirmed by `atMs`. */
  #dueAt(cell: number, atMs: number): number {
    const all = this.#confirmed[cell] ?? [];
    return all.findLast((one) => one.atMs <= atMs)?.n ?? 0;
  }

  #floorOf(session: number): number[] {
    const known = this.#floors.get(session) ?? Array<number>(this.#cells).fill(0);
    this.#floors.set(session, known);
    return known;
  }

  #note(read: Read, why: string): void {
    const { session, level, startedMs } = read;
    this.violations.push(`session ${session}, ${level}, ${startedMs.toFixed(1)} ms: ${why}`);
  }
}
