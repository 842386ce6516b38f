/**
 * What a strong read has seen must not vanish any more: its reply waits until K members hold every
 * decoded transaction that its snapshot shows, but for those that clients asked to be async or
 * logged. So commits whose wait was cancelled, or that a crash has shown, are never called strong.
 */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import { formatPosition, type Position } from '../../../shared/core/position.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { ReplicationStatus } from '../../../shared/ports/replication-status.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { parseSnapshot, showsNone } from '../core/snapshot-check.ts';
import type { SettledCommits } from './settled-commits.ts';

export interface HeldSnapshotOptions {
  readonly status: ReplicationStatus;
  readonly settled: SettledCommits;
  readonly clock: Clock;
}

export interface Seen {
  /** As PostgreSQL writes it. */
  readonly snapshot: string;
  /** Nothing beyond it was visible. */
  readonly position: Position;
}

export class HeldSnapshot {
  readonly #options: HeldSnapshotOptions;

  constructor(options: HeldSnapshotOptions) {
    this.#options = options;
  }

  /** Throws ConsistencyTimeout when it is not so by `deadlineMs`. */
  async awaitHeld(seen: Seen, view: ClusterView, deadlineMs: number): Promise<void> {
    // Degraded to nobody, a COMMIT waits for the own log alone, and replies say so.
    while (view.k >= 1 && !(await this.#isHeld(seen, view.k))) {
      if (this.#options.clock.monotonicMs() >= deadlineMs) {
        const facts = { position: formatPosition(seen.position) };
        const message = 'What the read has seen is not confirmed by other regions yet.';
        throw new MeridianError('ConsistencyTimeout', message, facts);
      }
      await sleep(2);
    }
  }

  async #isHeld({ snapshot: text, position }: Seen, k: number): Promise<boolean> {
    const { status, settled } = this.#options;
    if (status.holders(position).held >= k) return true;
    const open = (await status.unreleasedXids(position)).filter((xid) => !settled.has(xid));
    if (open.length === 0) return true;
    const snapshot = parseSnapshot(text);
    return snapshot !== null && showsNone(snapshot, open);
  }
}
