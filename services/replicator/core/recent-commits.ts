/**
 * Remembers the newest transactions of an epoch: which record is the last at or below an LSN, and
 * which transactions a reader of the primary may not see yet.
 */
import type { Lsn } from '../../../shared/core/lsn.ts';
import { zeroLsn } from '../../../shared/core/lsn.ts';

interface RecentCommit {
  readonly endLsn: Lsn;
  readonly xid: number;
  /** Monotonic time when it was reported as released; null before. */
  releasedAtMs: number | null;
}

/** A COMMIT becomes visible only a moment after the walsender was told. */
const visibleAfterMs = 2000;
const commitsMax = 200_000;

export class RecentCommits {
  #commits: RecentCommit[] = [];
  #firstUnreleased = 0;
  /** End of the last transaction before those that are remembered. */
  #before: Lsn;

  constructor(before: Lsn) {
    this.#before = before;
  }

  add(endLsn: Lsn, xid: number): void {
    this.#commits.push({ endLsn, xid, releasedAtMs: null });
  }

  /** Everything up to `lsn` was reported as released at `nowMs`; forgets what is long visible. */
  release(lsn: Lsn, nowMs: number): void {
    let index = this.#firstUnreleased;
    for (; index < this.#commits.length; index += 1) {
      const commit = this.#commits[index];
      if (commit === undefined || commit.endLsn > lsn) break;
      commit.releasedAtMs = nowMs;
    }
    this.#firstUnreleased = index;
    this.#forget(nowMs);
  }

  /** End of the last transaction at or below `lsn`; zero when there was none in this epoch. */
  lastAtOrBelow(lsn: Lsn): Lsn {
    let low = 0;
    let high = this.#commits.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const commit = this.#commits[middle];
      if (commit !== undefined && commit.endLsn <= lsn) low = middle + 1;
      else high = middle;
    }
    const found = this.#commits[low - 1];
    return found?.endLsn ?? (this.#before <= lsn ? this.#before : zeroLsn);
  }

  /** Transactions up to `lsn` that may still be running in a reader's snapshot. */
  unreleased(lsn: Lsn): number[] {
    const xids: number[] = [];
    for (const { endLsn, xid } of this.#commits) {
      if (endLsn > lsn) break;
      xids.push(xid);
    }
    return xids;
  }

  #forget(nowMs: number): void {
    let count = 0;
    for (const { releasedAtMs } of this.#commits) {
      const isOld = releasedAtMs !== null && nowMs - releasedAtMs > visibleAfterMs;
      const isTooMany = this.#commits.length - count > commitsMax && releasedAtMs !== null;
      if (!isOld && !isTooMany) break;
      count += 1;
    }
    if (count < 1000 && count < this.#commits.length) return;
    const last = this.#commits[count - 1];
    if (last === undefined) return;
    this.#before = last.endLsn;
    this.#commits.splice(0, count);
    this.#firstUnreleased -= count;
  }
}
