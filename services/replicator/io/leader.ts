/**
 * The primary's side: decodes the epoch's slot into records, pushes and logs them, and reports to
 * PostgreSQL what is logged and what the members have applied.
 */
import { endPositionOf, timeMsOf, withoutMessages } from '../../../shared/core/commit-record.ts';
import {
  holdersOf,
  initialQuorum,
  stepQuorum,
  type Acknowledgement,
  type QuorumInput,
  type QuorumState,
} from '../core/quorum-tracker.ts';
import { RecentCommits } from '../core/recent-commits.ts';
import {
  initialAssembler,
  stepAssembler,
  type AssemblerState,
} from '../core/transaction-assembler.ts';
import type { CommitRecord } from '../../../shared/core/commit-record.ts';
import type { Member } from '../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { zeroLsn, type Lsn } from '../../../shared/core/lsn.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { Position } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { MeridianError, messageOf } from '../../../shared/errors/meridian-error.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { failpoint } from '../../../shared/runtime/failpoints.ts';
import { packRecord } from '../../../shared/runtime/record-packing.ts';
import type { Keepalive } from '../../../shared/pg/walsender.ts';
import type { OwnLog } from './own-log.ts';
import type { RecordFeed } from './record-feed.ts';
import { PassedPosition } from './passed-position.ts';
import { openSlot, type SlotReader, type SlotTarget } from './slot-reader.ts';

export interface LeaderOptions {
  readonly epoch: Epoch;
  readonly region: RegionId;
  readonly slot: Omit<SlotTarget, 'startLsn' | 'positions'>;
  /** End of the last transaction of this epoch in the own log. */
  readonly lastEndLsn: Lsn;
  readonly chunkBytesMax: number;
  readonly queueBytesMax: number;
  readonly idleIntervalMs: number;
  readonly ownLog: OwnLog;
  readonly feed: RecordFeed;
  readonly clock: Clock;
  /** Whether nothing was confirmed in this epoch before this leader began. */
  readonly isFirst: boolean;
  readonly onChange: () => void;
  readonly syncMembersMin: number;
}

interface Logged {
  readonly record: CommitRecord;
  /** End of its last transaction, if it ends one. */
  readonly end: Lsn | null;
  readonly offset: LogOffset;
  readonly byteLength: number;
}

export class Leader {
  readonly #options: LeaderOptions;
  #assembler: AssemblerState;
  #quorum: QuorumState;
  readonly #commits: RecentCommits;
  #reader: SlotReader | null = null;
  #failure: string | null = null;
  readonly #passed: PassedPosition;
  /** Everything up to here is in a record or known to hold nothing. */
  #reachedLsn: Lsn;
  #loggedEnd: Lsn;
  #confirmed: Lsn | null;
  #idleUnderWay = false;
  #idleDue: Keepalive | null = null;
  #lastRecordAtMs: number;
  #freshAtMs: number | null = null;

  constructor(options: LeaderOptions) {
    this.#options = options;
    const { epoch, region, chunkBytesMax, lastEndLsn } = options;
    this.#assembler = initialAssembler({ epoch, origin: region, chunkBytesMax, lastEndLsn });
    this.#quorum = initialQuorum(epoch, lastEndLsn, options.syncMembersMin);
    this.#commits = new RecentCommits(lastEndLsn);
    this.#passed = new PassedPosition(options.clock);
    this.#reachedLsn = lastEndLsn;
    this.#loggedEnd = lastEndLsn;
    this.#confirmed = options.isFirst ? zeroLsn : null;
    this.#lastRecordAtMs = options.clock.monotonicMs();
  }

  /** Last transaction in the own log. */
  get logEnd(): Position {
    return { epoch: this.#options.epoch, endLsn: this.#loggedEnd };
  }

  get confirmed(): Position | null {
    const { epoch } = this.#options;
    return this.#confirmed === null ? null : { epoch, endLsn: this.#confirmed };
  }

  get countedMembers(): readonly Member[] {
    return this.#quorum.members;
  }

  /** Why nothing is decoded, if the last session ended with an error. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Wall-clock milliseconds up to which the own log holds everything; null at first. */
  get freshAtMs(): number | null {
    return this.#freshAtMs;
  }

  /** One decoding session: ends by rejecting, when the stream or the own log fails. */
  async run(signal: AbortSignal, markHealthy: () => void): Promise<void> {
    try {
      await this.#decode(signal, markHealthy);
    } catch (error) {
      if (!signal.aborted) this.#failure = messageOf(error);
      throw error;
    } finally {
      this.#options.onChange();
    }
  }

  async #decode(signal: AbortSignal, markHealthy: () => void): Promise<void> {
    const { slot, epoch, region, chunkBytesMax } = this.#options;
    const lastEndLsn = this.#assembler.lastEndLsn;
    this.#assembler = initialAssembler({ epoch, origin: region, chunkBytesMax, lastEndLsn });
    let fail: (error: unknown) => void = () => undefined;
    const failed = new Promise<never>((_, reject) => {
      fail = reject;
    });
    failed.catch(() => undefined);
    const guarded = <T>(take: (input: T) => void): ((input: T) => void) => {
      return (input) => {
        try {
          take(input);
        } catch (error) {
          fail(error);
        }
      };
    };
    const reader = await openSlot(
      { ...slot, startLsn: this.#quorum.reported.flush, positions: this.#quorum.reported },
      {
        onData: guarded((messages: readonly Uint8Array[]) => this.#takeData(messages, fail)),
        onKeepalive: guarded((keepalive: Keepalive) => this.#takeKeepalive(keepalive, markHealthy)),
      },
    );
    if (signal.aborted) {
      reader.close();
      return;
    }
    this.#reader = reader;
    const idle = setInterval(() => this.#askWhenQuiet(), this.#options.idleIntervalMs);
    const close = (): void => fail(new Error('ended'));
    signal.addEventListener('abort', close);
    this.#options.onChange();
    try {
      await Promise.race([reader.ended, failed]);
    } finally {
      clearInterval(idle);
      signal.removeEventListener('abort', close);
      this.#reader = null;
      reader.close();
    }
  }

  setMembers(members: readonly Member[], k: number): void {
    this.#step({ kind: 'membersChanged', members, k });
  }

  acknowledge(region: RegionId, acknowledgement: Acknowledgement): void {
    this.#step({ kind: 'acknowledged', region, acknowledgement });
  }

  holders(position: Position): { readonly held: number; readonly members: number } {
    return holdersOf(this.#quorum, position);
  }

  unreleasedXids(upTo: Position): readonly number[] {
    return upTo.epoch === this.#options.epoch ? this.#commits.unreleased(upTo.endLsn) : [];
  }

  /** See ReplicationStatus. */
  async lastRecordAtOrBelow(lsn: Lsn, waitMs: number): Promise<Position | null> {
    const isPassed = await this.waitPassed(lsn, waitMs);
    if (!isPassed) return null;
    return { epoch: this.#options.epoch, endLsn: this.#commits.lastAtOrBelow(lsn) };
  }

  /** Whether decoding has passed `lsn`, within `waitMs`. */
  async waitPassed(lsn: Lsn, waitMs: number): Promise<boolean> {
    if (this.#passed.lsn >= lsn) return true;
    this.#reader?.status.send(true);
    return this.#passed.reached(lsn, waitMs);
  }

  #takeData(messages: readonly Uint8Array[], fail: (error: unknown) => void): void {
    const step = stepAssembler(this.#assembler, { kind: 'messagesRead', messages });
    if (step.malformed !== null) throw new MeridianError('ProtocolViolation', step.malformed);
    this.#assembler = step.state;
    for (const record of step.records) this.#publish(record, fail);
    this.#passed.advance(step.state.passedLsn);
    const { queueBytesMax } = this.#options;
    const { writer } = this.#options.ownLog;
    const reader = this.#reader;
    if (writer.queuedBytes > queueBytesMax && reader !== null) {
      reader.pause();
      void writer.whenBelow(queueBytesMax / 2).then(() => reader.resume());
    }
  }

  #takeKeepalive(keepalive: Keepalive, markHealthy: () => void): void {
    markHealthy();
    this.#failure = null;
    if (this.#assembler.open !== null) return;
    this.#passed.advance(keepalive.walEnd);
    const isBeyond = keepalive.walEnd > this.#reachedLsn;
    const quietMs = this.#options.clock.monotonicMs() - this.#lastRecordAtMs;
    if (!isBeyond && quietMs < this.#options.idleIntervalMs * 0.9) return;
    if (this.#idleUnderWay) this.#idleDue = keepalive;
    else this.#publishIdle(keepalive);
  }

  /** A COMMIT that publishes nothing may wait for this position: it is told at once. */
  #publishIdle(keepalive: Keepalive): void {
    const { epoch, region } = this.#options;
    const lsn = keepalive.walEnd > this.#reachedLsn ? keepalive.walEnd : this.#reachedLsn;
    this.#reachedLsn = lsn;
    this.#idleUnderWay = true;
    const timeUs = keepalive.sentAtUs;
    this.#publish({ kind: 'idle', epoch, origin: region, lsn, timeUs }, () => undefined);
  }

  #idleDone(): void {
    this.#idleUnderWay = false;
    const due = this.#idleDue;
    this.#idleDue = null;
    if (due !== null && due.walEnd > this.#reachedLsn && this.#assembler.open === null) {
      this.#publishIdle(due);
    }
  }

  #publish(record: CommitRecord, fail: (error: unknown) => void): void {
    const bytes = packRecord(record);
    this.#lastRecordAtMs = this.#options.clock.monotonicMs();
    this.#options.feed.publish(record, bytes);
    if (record.kind === 'transactions') {
      for (const { endLsn, xid } of record.transactions) this.#commits.add(endLsn, xid);
    } else if (record.kind === 'chunk' && record.endLsn !== null) {
      this.#commits.add(record.endLsn, record.xid);
    }
    const end = endPositionOf(record)?.endLsn ?? null;
    if (end !== null && end > this.#reachedLsn) this.#reachedLsn = end;
    const head = withoutMessages(record);
    const { byteLength } = bytes;
    this.#options.ownLog.writer.append(bytes).then(
      (offset) => this.#logged({ record: head, end, offset, byteLength }),
      (error: unknown) => fail(error),
    );
  }

  async #logged(logged: Logged): Promise<void> {
    const { record, end } = logged;
    await failpoint('leader.before-logged');
    this.#options.ownLog.note(logged);
    if (record.kind === 'idle') {
      this.#freshAtMs = timeMsOf(record);
      this.#step({ kind: 'logged', lsn: record.lsn });
      this.#idleDone();
    } else if (end !== null) {
      this.#loggedEnd = end;
      this.#step({ kind: 'logged', lsn: end });
    }
    this.#options.onChange();
  }

  #step(input: QuorumInput): void {
    const before = this.#quorum.reported;
    this.#quorum = stepQuorum(this.#quorum, input);
    const { reported, k } = this.#quorum;
    this.#reader?.status.update(reported);
    if (reported.apply > before.apply) {
      this.#commits.release(reported.apply, this.#options.clock.monotonicMs());
    }
    if (this.#confirmed !== null && k > 0 && reported.write > before.write) {
      this.#confirmed = this.#commits.lastAtOrBelow(reported.write);
    }
  }

  #askWhenQuiet(): void {
    const quietMs = this.#options.clock.monotonicMs() - this.#lastRecordAtMs;
    if (quietMs >= this.#options.idleIntervalMs * 0.9) this.#reader?.status.send(true);
  }
}
