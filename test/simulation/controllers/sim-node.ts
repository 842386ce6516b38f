/**
 * One region's PostgreSQL as the controller's effects see it: what is durable in it, and what a
 * restart forgets. The transactions stand for all rows; the fence, progress and slots are rows.
 */
import type {
  DatabaseFacts,
  FenceFacts,
} from '../../../services/failover/core/controller-input.ts';
import type { Checkpoint } from '../../../services/failover/core/controller-input.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { NodeId } from '../../../shared/core/node.ts';
import type { NodeState } from '../../../shared/core/node-state.ts';
import { comparePositions, isAtOrPast, type Position } from '../../../shared/core/position.ts';
import { endOf, positionOf, type Transaction } from './transaction.ts';

const freshFence: FenceFacts = {
  region: '',
  sealedEpoch: 0,
  incarnation: '',
  openEpoch: null,
  openedStart: null,
  openedCheckpointer: null,
  lastOpenedEpoch: 0,
  lastOpenedTimeline: 0,
};

/** Of a server that its standby took the place of. */
export interface OldData {
  readonly facts: DatabaseFacts;
  readonly db: readonly Transaction[];
  /** Its disk is gone: it never starts. */
  readonly isBroken: boolean;
  isRunning: boolean;
}

/** What is lost with a node that is given up: a promise, the synced slot, its own disk. */
export interface Forgotten {
  readonly seal: boolean;
  readonly slot: boolean;
  readonly old: boolean;
}

export class SimNode {
  /** The region's own node; it changes places with its standby when that is promoted. */
  id: NodeId;
  standbyId: NodeId;
  /** `stale`: once a server of its own, which cannot follow. */
  standby: 'none' | 'ready' | 'stale' = 'none';
  /** What is on the disk of a stale standby. */
  old: OldData | null = null;
  /** It does not come back by itself. */
  isLost = false;
  /** How far its standby is behind when it is lost; null: as chance will have it. */
  standbyLag: number | null = null;
  timelineStart: Lsn | null = null;
  data: NodeState['data'] = 'none';
  isRunning = false;
  timeline = 1;
  starts = 0;
  db: Transaction[] = [];
  fence: FenceFacts = freshFence;
  progress: { position: Position; store: string } | null = null;
  slots: readonly string[] = [];
  names = 'meridian_closed';
  checkpoint: Checkpoint | null = null;
  recoveredTo: Lsn | null = null;
  /** Waiting COMMITs: invisible until released or ended. */
  waiting: Transaction[] = [];

  constructor(id: NodeId, standbyId: NodeId) {
    this.id = id;
    this.standbyId = standbyId;
  }

  /** The server is gone; only its standby, if there is one, can take over. */
  lose(): void {
    this.isRunning = false;
    this.isLost = true;
    this.waiting = [];
  }

  /**
   * The standby ends its recovery, `lag` transactions behind: what it had not received is gone
   * with the old node, and so may be the fence's last promise and the synced slot.
   */
  promote(lag: number, forgets: Forgotten): void {
    const facts = this.#factsOf(this.id);
    const { db } = this;
    const hasData = this.data === 'ready';
    this.old = hasData ? { facts, db, isBroken: forgets.old, isRunning: false } : null;
    [this.id, this.standbyId] = [this.standbyId, this.id];
    this.standby = hasData ? 'stale' : 'none';
    this.data = 'ready';
    this.isLost = false;
    this.db = this.db.slice(0, this.db.length - lag);
    this.timeline += 1;
    this.timelineStart = this.walEnd();
    const { fence, progress } = this;
    const start = positionOf(fence.lastOpenedEpoch, 0);
    const isOpener = fence.lastOpenedEpoch > 0 && isAtOrPast(this.position(), start);
    if (!isOpener) this.fence = { ...fence, lastOpenedEpoch: 0 };
    if (!isOpener && progress !== null && progress.store !== '') {
      this.progress = { ...progress, position: this.position() };
    }
    if (forgets.seal) this.fence = { ...this.fence, sealedEpoch: 0 };
    if (forgets.slot) this.slots = [];
    this.restart();
  }

  initialise(id: NodeId): void {
    this.#become(id);
    this.data = 'ready';
    this.fence = freshFence;
    this.progress = null;
  }

  /** A base backup of `source`: everything in it, on a timeline of its own. */
  copyFrom(source: SimNode, id: NodeId): void {
    this.#become(id);
    this.data = 'ready';
    this.isRunning = false;
    this.db = [...source.db];
    this.fence = source.fence;
    this.progress = source.progress;
    this.slots = source.slots;
    this.names = source.names;
    this.checkpoint = source.checkpoint;
    this.timeline = source.timeline + 1;
    this.timelineStart = source.walEnd();
    this.isLost = false;
    this.recoveredTo = source.walEnd();
    this.waiting = [];
  }

  /** The region's own node is the one of that name from now on. */
  #become(id: NodeId): void {
    if (id !== this.id) [this.id, this.standbyId] = [this.standbyId, this.id];
  }

  adopt(region: string, recoveredTo: Lsn): void {
    const { fence, progress } = this;
    const isOpener =
      progress?.position.epoch === fence.lastOpenedEpoch && progress.position.endLsn === 0n;
    const position = isOpener
      ? positionOf(fence.lastOpenedEpoch, Number(recoveredTo))
      : (progress?.position ?? positionOf(0, 0));
    this.fence = { ...freshFence, region };
    this.progress = { position, store: '' };
    this.checkpoint = null;
    this.slots = [];
  }

  wipe(): void {
    this.data = 'none';
    this.isLost = false;
    this.isRunning = false;
    this.db = [];
    this.fence = freshFence;
    this.progress = null;
    this.slots = [];
    this.checkpoint = null;
    this.recoveredTo = null;
    this.waiting = [];
  }

  /** A new start of the server: what waited is visible now, nobody was told. */
  restart(): void {
    if (this.data !== 'ready' || this.isLost) return;
    this.isRunning = true;
    this.starts += 1;
    this.waiting = [];
  }

  isOpenFor(epoch: number): boolean {
    return (
      this.isRunning &&
      this.fence.openEpoch === epoch &&
      this.fence.openedStart === this.serverStart() &&
      this.fence.sealedEpoch <= epoch
    );
  }

  position(): Position {
    return endOf(this.db);
  }

  /** What its progress row says: a replica goes on from there. */
  applied(): Position {
    return this.progress?.position ?? positionOf(0, 0);
  }

  /** The end of its own WAL, as a count of its last transaction. */
  walEnd(): Lsn {
    return endOf(this.db).endLsn;
  }

  append(txn: Transaction): void {
    if (comparePositions(txn.position, endOf(this.db)) <= 0) throw new Error('out of order');
    this.db.push(txn);
  }

  serverStart(): string {
    return `${this.id} start ${this.starts}`;
  }

  facts(): DatabaseFacts | null {
    return this.isRunning ? this.#factsOf(this.id) : null;
  }

  #factsOf(node: NodeId): DatabaseFacts {
    return {
      node,
      serverStart: this.serverStart(),
      checkpointerStart: this.serverStart(),
      isInRecovery: false,
      timeline: this.timeline,
      timelineStart: this.timelineStart,
      walEnd: this.walEnd(),
      fence: this.fence,
      progress: this.progress,
      slots: this.slots.map((name) => ({ name, isSound: true, isActive: true })),
      publications: this.slots,
      synchronousStandbyNames: this.names,
      applicationSessions: this.waiting.length,
      runningTransactions: this.waiting.length,
    };
  }

  states(): readonly NodeState[] {
    const own = this.#state(this.id, this.data);
    const isUp = this.data === 'ready' && (this.isRunning || this.isLost);
    const standby = this.#state(this.standbyId, this.standby === 'none' ? 'none' : 'ready');
    const isFollowing = this.standby === 'ready';
    const isIsolated = this.standby === 'stale' && this.old?.isRunning === true;
    return [
      {
        ...own,
        process: this.isRunning ? 'running' : this.isLost ? 'failed' : 'stopped',
        mode: isUp ? 'normal' : null,
        recoveredTo: this.recoveredTo,
      },
      {
        ...standby,
        process: isFollowing || isIsolated ? 'running' : 'stopped',
        mode: isFollowing ? 'standby' : isIsolated ? 'isolated' : null,
        isStandby: this.standby === 'none' ? null : isFollowing,
      },
    ];
  }

  #state(id: NodeId, data: NodeState['data']): NodeState {
    return {
      id,
      host: 'simulated',
      port: 5432,
      data,
      process: 'stopped',
      mode: null,
      pid: null,
      restarts: 0,
      problem: null,
      progress: null,
      recoveredTo: null,
    };
  }
}
