/** Positions on the primary: what a token needs before it is served, and what a reply carries. */
import type { ClusterView } from '../../../shared/core/cluster-view.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import { formatPosition, type Position } from '../../../shared/core/position.ts';
import { MeridianError } from '../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { ReplicationStatus } from '../../../shared/ports/replication-status.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';
import { isOpenFor, type NodeLook } from '../core/node-position.ts';
import type { PrimaryNow } from '../core/primary-now.ts';
import { parseSnapshot, showsAll } from '../core/snapshot-check.ts';
import { runExchange, type ExchangeReply } from './sql/exchange.ts';
import { lookStep, readLook } from './sql/node-look.ts';
import type { NodePools } from './node-pools.ts';
import type { NodeWatcher } from './node-watcher.ts';

export interface ReplyPosition {
  readonly position: Position | null;
  readonly isUpperBound: boolean;
}

export interface PrimaryPositionOptions {
  readonly status: ReplicationStatus;
  readonly pools: NodePools;
  readonly clock: Clock;
  /** Remaining lease of the own primary role in milliseconds. */
  readonly leaseLeftMs: () => number;
}

interface WaitFor {
  readonly node: NodeId;
  readonly view: ClusterView;
  readonly deadlineMs: number;
}

export class PrimaryPosition {
  readonly #options: PrimaryPositionOptions;
  #last: { readonly epoch: number; readonly lsn: Lsn; readonly position: Position } | null = null;

  constructor(options: PrimaryPositionOptions) {
    this.#options = options;
  }

  /**
   * Transactions at or below `token` that may not be visible on the primary's node yet; decoding
   * has passed the token. Throws TokenInvalid for a position that does not exist, and
   * ConsistencyTimeout at the deadline.
   */
  async waitingAt(token: Position, wait: WaitFor): Promise<readonly number[]> {
    const { status } = this.#options;
    if (token.epoch < wait.view.epoch) return [];
    if (token.epoch > wait.view.epoch) throw await this.#ofLaterEpoch(token, wait);
    const passed = await status.lastRecordAtOrBelow(token.endLsn, 0);
    if (passed === null) await this.#awaitDecoded(token, wait);
    return status.unreleasedXids(token);
  }

  /** Resolves once every commit up to `token` is visible on the primary's node. */
  async awaitVisible(token: Position, wait: WaitFor): Promise<void> {
    const xids = await this.waitingAt(token, wait);
    while (xids.length > 0) {
      const reply = await this.#look(wait);
      if (this.shows(readLook(reply.results[0]), xids)) return;
      if (this.#options.clock.monotonicMs() >= wait.deadlineMs) throw this.tooLate(token);
      await sleep(2);
    }
  }

  /** Whether what follows `look` sees all of `xids`. */
  shows(look: NodeLook, xids: readonly number[]): boolean {
    if (xids.length === 0) return true;
    const snapshot = parseSnapshot(look.snapshot);
    return snapshot !== null && showsAll(snapshot, xids);
  }

  tooLate(token: Position | null): MeridianError {
    const facts = { position: token && formatPosition(token) };
    const message = 'The primary does not show everything up to the token yet.';
    return new MeridianError('ConsistencyTimeout', message, facts);
  }

  /** The token for what was visible at flushed (or replayed) WAL position `lsn` of `epoch`. */
  async recordAt(lsn: Lsn, view: ClusterView, waitMs: number): Promise<ReplyPosition> {
    const { epoch } = view;
    if (this.#last?.lsn === lsn && this.#last.epoch === epoch) {
      return { position: this.#last.position, isUpperBound: false };
    }
    const position = await this.#options.status.lastRecordAtOrBelow(lsn, waitMs);
    if (position === null) return { position: { epoch, endLsn: lsn }, isUpperBound: true };
    this.#last = { epoch, lsn, position };
    return { position, isUpperBound: false };
  }

  /** This region's time and newest position; throws NotPrimary where it is not open as primary. */
  async now(view: ClusterView, watcher: NodeWatcher): Promise<PrimaryNow> {
    const { clock, leaseLeftMs } = this.#options;
    const wallMs = clock.wallMs();
    const node = watcher.nodes().find(({ id }) => id === view.node);
    if (view.role !== 'primary' || leaseLeftMs() <= 0) {
      throw new MeridianError('NotPrimary', 'This region is not open as primary.');
    }
    const { epoch } = view;
    const look = node?.look ?? null;
    if (node === undefined || look === null || look.walLsn === null || !isOpenFor(look, view)) {
      return { epoch, wallMs, newest: null };
    }
    const { position, isUpperBound } = await this.recordAt(look.walLsn, view, 0);
    const ageMs = clock.monotonicMs() - node.lookedAtMs;
    const isProven = position !== null && !isUpperBound && leaseLeftMs() > 0;
    return { epoch, wallMs, newest: isProven ? { position, ageMs } : null };
  }

  /** While this epoch's lease holds and its node is open, no later epoch has opened anywhere. */
  async #ofLaterEpoch(token: Position, wait: WaitFor): Promise<MeridianError> {
    const look = readLook((await this.#look(wait)).results[0]);
    const isCurrent = isOpenFor(look, wait.view) && this.#options.leaseLeftMs() > 0;
    if (isCurrent) return notReached(token);
    const message = `Epoch ${token.epoch} of the token is not known here yet.`;
    return new MeridianError('NotPrimary', message, { retryAfterMs: 200 });
  }

  async #awaitDecoded(token: Position, wait: WaitFor): Promise<void> {
    const { walLsn } = readLook((await this.#look(wait)).results[0]);
    if (walLsn !== null && token.endLsn > walLsn) {
      throw notReached(token);
    }
    const leftMs = wait.deadlineMs - this.#options.clock.monotonicMs();
    const passed = await this.#options.status.lastRecordAtOrBelow(token.endLsn, leftMs);
    if (passed === null) throw this.tooLate(token);
  }

  async #look(wait: WaitFor): Promise<ExchangeReply> {
    const lent = await this.#options.pools.borrow(wait.node, 'none', wait.deadlineMs);
    try {
      const reply = await runExchange(lent.client, [lookStep]);
      lent.giveBack('keep');
      return reply;
    } catch (error) {
      lent.giveBack('drop');
      const message = 'The connection to the primary was lost; nothing was done.';
      throw new MeridianError('NotPrimary', message, { retryAfterMs: 200 }, error);
    }
  }
}

function notReached(token: Position): MeridianError {
  const facts = { position: formatPosition(token) };
  return new MeridianError('TokenInvalid', 'No write has reached this position yet.', facts);
}
