/** One simulated region: what survives a restart, and what does not. */
import { kthHighest } from '../../../shared/core/quorum.ts';
import type { ControlRecord } from '../../../shared/core/control/control-record.ts';
import {
  initialControlState,
  type ControlState,
  type FoldOutcome,
  type Promotion,
} from '../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import { comparePositions, zeroPosition, type Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { beyond, endOf, type StrongRead, type Transaction } from '../ledger.ts';
import type { Rules } from './rules.ts';

/** Lease times in ticks. */
export const leaseTimes = { ttlMs: 60, marginMs: 2 };

/** The fold of a region, with the ticks at which the region read what a lease hangs on. */
export class FoldReader {
  state: ControlState;
  offset: number;
  /** The last renewal, promotion or restart. */
  readAt = 0;
  promotedAt = 0;

  constructor(state: ControlState = initialControlState, offset = 0) {
    this.state = state;
    this.offset = offset;
  }

  feed(record: ControlRecord, tick: number, rules: Rules): FoldOutcome {
    const { state, outcome } = rules.foldControl(this.state, record);
    this.state = state;
    if (outcome.kind === 'promoted') this.readAt = this.promotedAt = tick;
    if (outcome.kind === 'applied' && record.kind === 'renew') this.readAt = tick;
    return outcome;
  }

  get promotion(): Promotion {
    const promotion = this.state.history.at(-1);
    if (promotion === undefined) throw new Error('nobody has been promoted');
    return promotion;
  }
}

export interface Acknowledgement {
  readonly store: string;
  readonly position: Position;
}

/** What a region promised when it sealed. */
export interface Promise {
  readonly position: Position;
  readonly isFinal: boolean;
  readonly confirmed: Position | null;
}

export class Region {
  readonly id: RegionId;
  readonly rules: Rules;
  isUp = true;
  pausedUntil = 0;
  /** How likely it is to receive a record in its turn. */
  speed = 1;
  /** Until when its control log lags, both ways. */
  slowControlUntil = 0;

  // On disk.

  fold = new FoldReader();
  /** What its PostgreSQL node holds. */
  database: Transaction[] = [];
  /** What its own log holds. */
  log: Transaction[] = [];
  stores = 0;
  /** The epoch that it promised itself to, and the newest that it opened. */
  sealedEpoch = 0;
  openedEpoch = 0;
  /** An opened epoch that a promoted standby may not continue. */
  promotedIn = 0;
  checkpoints: { readonly state: ControlState; readonly offset: number }[] = [];
  starts = 0;

  // In memory.

  /** The epoch that it is open for as primary; 0 for none. */
  leads = 0;
  acks = new Map<RegionId, Acknowledgement>();
  /** COMMITs that wait. */
  waiting: Transaction[] = [];
  /** Highest position confirmed to a client since it opened. */
  confirmed: Position = zeroPosition;
  knowsConfirmed = false;
  /** What may have been confirmed before this run. */
  bound: Position = zeroPosition;
  strongReadsFrom: Position | null = null;
  leaseUntil = -1;
  sentRenewals = new Map<number, number>();
  lastSeq = 0;
  /** The member that counts no more and waits to be removed. */
  removing: RegionId | null = null;
  drainingSince: number | null = null;
  /** The epoch for which its seal was sent. */
  toldEpoch = 0;
  promise: Promise | null = null;
  read: StrongRead | null = null;
  isGreeted = false;
  isReady = false;

  constructor(id: RegionId, rules: Rules) {
    this.id = id;
    this.rules = rules;
    this.restart(0);
  }

  get store(): string {
    return `${this.id}-${this.stores}`;
  }

  get incarnation(): string {
    return `${this.id}-${this.starts}`;
  }

  get position(): Position {
    return endOf(this.database, zeroPosition);
  }

  get logEnd(): Position {
    return endOf(this.log, zeroPosition);
  }

  /** The process or the server starts again: who waited was told nothing. */
  restart(tick: number): void {
    this.starts += 1;
    this.close();
    this.confirmed = zeroPosition;
    this.knowsConfirmed = false;
    this.bound = zeroPosition;
    this.strongReadsFrom = null;
    this.lastSeq = 0;
    this.drainingSince = null;
    this.toldEpoch = 0;
    const checkpoint = this.checkpoints[0];
    if (checkpoint !== undefined) {
      this.fold = new FoldReader(checkpoint.state, checkpoint.offset);
    }
    this.fold.readAt = this.fold.promotedAt = tick;
    this.isReady = this.isGreeted = false;
  }

  /** Stops being primary: sessions end, and who waited for a COMMIT is told "unknown". */
  close(): void {
    this.leads = 0;
    this.read = null;
    this.waiting = [];
    this.acks = new Map();
    this.removing = null;
    this.leaseUntil = -1;
    this.sentRenewals = new Map();
  }

  isDiverged(position: Position): boolean {
    const { epoch, history } = this.fold.state;
    return !this.rules.isWithinCuts(position, epoch, history);
  }

  /** Records beyond a cut are void in every log. */
  dropVoid(): void {
    while (comparePositions(this.logEnd, this.position) > 0 && this.isDiverged(this.logEnd)) {
      this.log.pop();
    }
  }

  /** Applies the own log to its end, and logs what the own slot still yields. */
  complete(): void {
    this.dropVoid();
    if (this.rules.leftOut !== 'norelog') this.database.push(...beyond(this.log, this.position));
    this.log.push(...beyond(this.database, this.logEnd));
  }

  /** What the members have applied, those left out that do not count any more. */
  acknowledged(members = this.countedMembers()): readonly Position[] {
    return members.map(({ region, store }) => {
      const ack = this.acks.get(region);
      return ack?.store === store ? ack.position : zeroPosition;
    });
  }

  countedMembers(): readonly { readonly region: RegionId; readonly store: string }[] {
    if (this.rules.leftOut === 'ackall') {
      return [...this.acks].map(([region, { store }]) => ({ region, store }));
    }
    return this.fold.state.members.filter(({ region }) => region !== this.removing);
  }

  /** Whether as many members as confirm a write hold everything up to `position`. */
  isHeldByEnough(position: Position): boolean {
    const held = kthHighest(this.acknowledged(), this.fold.state.kLow);
    return held !== null && comparePositions(held, position) >= 0;
  }
}

/** Where an epoch starts. */
export function startOf(epoch: number): Position {
  return { epoch: epoch as Epoch, endLsn: 0n as Lsn };
}

export function isLater(a: Position, b: Position): boolean {
  return comparePositions(a, b) > 0;
}
