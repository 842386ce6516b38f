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
import { comparePositions, type Position } from '../../../shared/core/position.ts';
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

export class SimNode {
  readonly id: NodeId;
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

  constructor(id: NodeId) {
    this.id = id;
  }

  initialise(): void {
    this.data = 'ready';
    this.fence = freshFence;
    this.progress = null;
  }

  /** A base backup of `source`: everything in it, on a timeline of its own. */
  copyFrom(source: SimNode): void {
    this.data = 'ready';
    this.isRunning = false;
    this.db = [...source.db];
    this.fence = source.fence;
    this.progress = source.progress;
    this.slots = source.slots;
    this.names = source.names;
    this.checkpoint = source.checkpoint;
    this.timeline = source.timeline + 1;
    this.recoveredTo = source.walEnd();
    this.waiting = [];
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
    if (this.data !== 'ready') return;
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
    if (!this.isRunning) return null;
    return {
      node: this.id,
      serverStart: this.serverStart(),
      checkpointerStart: this.serverStart(),
      isInRecovery: false,
      timeline: this.timeline,
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

  state(): NodeState {
    return {
      id: this.id,
      host: 'simulated',
      port: 5432,
      data: this.data,
      process: this.isRunning ? 'running' : 'stopped',
      mode: this.data === 'ready' && this.isRunning ? 'normal' : null,
      pid: null,
      restarts: 0,
      problem: null,
      progress: null,
      recoveredTo: this.recoveredTo,
    };
  }
}
