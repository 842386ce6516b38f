/** A region's own data log: durable, named by its store; void records beyond a cut are dropped. */
import { isWithinCuts } from '../../../shared/core/consistency.ts';
import type { Promotion } from '../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Position } from '../../../shared/core/position.ts';
import { endOf, isPast, type Transaction } from './transaction.ts';

export class SimLog {
  txns: Transaction[] = [];
  store: string | null = null;
  sealedEpoch = 0;
  opened: { readonly epoch: number; readonly timeline: number } | null = null;

  end(): Position {
    return endOf(this.txns);
  }

  wipe(): void {
    this.txns = [];
    this.store = null;
    this.sealedEpoch = 0;
    this.opened = null;
  }

  /** A copy of `source` up to `position`, under a new name. */
  seedFrom(source: SimLog, position: Position, store: string): void {
    this.wipe();
    this.txns = source.txns.filter((txn) => !isPast(txn.position, position));
    this.store = store;
  }

  /** Drops what lies beyond both `applied` and a cut: no reader may apply it. */
  dropVoid(applied: Position, epoch: Epoch, history: readonly Promotion[]): void {
    let end = this.txns.at(-1);
    while (end !== undefined && isPast(end.position, applied)) {
      if (isWithinCuts(end.position, epoch, history)) return;
      this.txns.pop();
      end = this.txns.at(-1);
    }
  }

  /** Appends what `db` holds beyond the end, at most `count`. */
  appendFrom(db: readonly Transaction[], count: number): void {
    const end = this.end();
    let from = db.length;
    while (from > 0 && isPast((db[from - 1] as Transaction).position, end)) from -= 1;
    this.txns.push(...db.slice(from, from + count));
  }
}
