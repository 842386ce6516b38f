/**
 * Transactions of this router whose COMMIT was answered as its client had asked: a strong read may
 * show them. Of all others it waits until K members hold them (DESIGN.md section 4).
 */

/** So many are remembered at least; a forgotten one only makes a strong read wait. */
const rememberedMin = 50_000;

export class SettledCommits {
  #newer = new Set<number>();
  #older = new Set<number>();

  /** `xid` as logical decoding names it (32 bits). */
  note(xid: number): void {
    if (this.#newer.size >= rememberedMin) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(xid);
  }

  has(xid: number): boolean {
    return this.#newer.has(xid) || this.#older.has(xid);
  }
}
