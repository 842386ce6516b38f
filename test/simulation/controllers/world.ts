/**
 * A simulated world: n regions with real controllers over one control log, a network, clocks and
 * faults, all from one seed. Every turn checks the invariants of DESIGN.md section 3.
 */
import { encodeControlRecord } from '../../../shared/core/control/control-record-codec.ts';
import type { Effect } from '../../../services/failover/core/controller-effect.ts';
import { isAnnounced } from '../../../services/failover/core/relay/announcement.ts';
import type { ControlRecord, Policy } from '../../../shared/core/control/control-record.ts';
import { formatPosition } from '../../../shared/core/position.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { Faults } from './faults.ts';
import { createDraw, type Draw } from '../draw.ts';
import { checkPrefix, Ledger } from '../ledger.ts';
import type { Totals } from '../totals.ts';
import { realRules, type Rules } from './rules.ts';
import { SimRegion } from './sim-region.ts';
import { Violation, type Transaction } from './transaction.ts';
import { Workload } from './workload.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly totals: Totals;
  readonly rules?: Rules;
  readonly trace?: (line: string) => void;
  /** Drawn from the seed unless given. */
  readonly regionCount?: number;
  readonly k?: number;
  /** Whether the process of `region` dies at that moment of performing `effect`. */
  readonly crashAt?: (region: SimRegion, effect: Effect, moment: 'before' | 'after') => boolean;
  readonly faultyTurns?: number;
  readonly calmTurns?: number;
}

const turnMs = 50;
const names = ['alpha', 'bravo', 'charlie', 'delta'] as RegionId[];

export class World {
  readonly draw: Draw;
  readonly rules: Rules;
  readonly policy: Omit<Policy, 'version' | 'rules'>;
  readonly regions: readonly SimRegion[];
  readonly control: ControlRecord[] = [];
  readonly totals: Totals;
  readonly ledger: Ledger;
  readonly faults: Faults;
  readonly workload: Workload;
  readonly trace: (line: string) => void;
  nowMs = 0;
  isCalm = false;
  #held: { atMs: number; record: ControlRecord }[] = [];
  #announced: { atMs: number; to: SimRegion; record: ControlRecord }[] = [];
  #stores = 0;
  readonly #openers = new Map<number, string>();
  #lateConfirmed = 0;
  readonly #options: WorldOptions;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.draw = createDraw(options.seed);
    this.totals = options.totals;
    this.trace = options.trace ?? ((): void => undefined);
    this.ledger = new Ledger(options.totals);
    this.rules = options.rules ?? realRules;
    const count = options.regionCount ?? this.draw.pick([2, 3, 3, 3, 4]);
    const k = options.k ?? this.draw.pick([1, 1, Math.min(2, count - 1)]);
    const regions = names.slice(0, count);
    this.policy = {
      clusterId: 'simulated',
      regions,
      priority: regions,
      k,
      ttlMs: 3000,
      marginMs: 100,
    };
    this.faults = new Faults(this);
    this.workload = new Workload(this);
    this.regions = regions.map((id) => new SimRegion(this, id));
  }

  /** Runs to the end; throws Violation when an invariant is broken. */
  run(): this {
    const faulty = this.#options.faultyTurns ?? 3500;
    const calm = this.#options.calmTurns ?? 1500;
    for (let turn = 1; turn <= faulty + calm; turn += 1) {
      this.nowMs = turn * turnMs;
      this.isCalm = turn > faulty;
      this.turn();
    }
    if (this.#lateConfirmed === 0) this.#judgeStop();
    return this;
  }

  /** One more turn, whoever's it is. */
  advance(): void {
    this.nowMs += turnMs;
    this.turn();
  }

  crashesAt(region: SimRegion, effect: Effect, moment: 'before' | 'after'): boolean {
    return this.#options.crashAt?.(region, effect, moment) ?? false;
  }

  turn(): void {
    this.faults.strike();
    this.#deliverHeld();
    this.#deliverAnnounced();
    const region = this.draw.pick(this.regions);
    if (!region.isUp || this.nowMs < region.pausedUntilMs) return;
    region.turn();
    this.workload.turn(region);
    this.faults.operate(region);
    this.#hearPeers(region);
    this.#excuseForced(region);
  }

  region(id: RegionId): SimRegion {
    const region = this.regions.find((one) => one.id === id);
    if (region === undefined) throw new RangeError(`no region ${id}`);
    return region;
  }

  newStore(region: RegionId): string {
    this.#stores += 1;
    return `${region}-store-${this.#stores}`;
  }

  /** Whether what `from` sends arrives at `to`. */
  reaches(from: SimRegion, to: SimRegion): boolean {
    return from.isUp && to.isUp && !this.faults.isCut(from, to);
  }

  /** Whether they can talk to each other. */
  isLinked(a: SimRegion, b: SimRegion): boolean {
    return this.reaches(a, b) && this.reaches(b, a);
  }

  reachesControl(region: SimRegion): boolean {
    return !this.faults.isControlCut(region) && this.nowMs >= region.slowControlUntilMs;
  }

  /** Appends now, later, or not at all (then false: the outcome is unknown). */
  append(region: SimRegion, record: ControlRecord): boolean {
    if (this.faults.isControlCut(region)) return false;
    if (this.nowMs < region.slowControlUntilMs || this.draw.happens(0.03)) {
      const atMs =
        Math.max(region.slowControlUntilMs, this.nowMs) + this.draw.between(1, 200) * turnMs;
      this.totals.count('late records');
      this.#held.push({ atMs, record });
      this.#held.sort((a, b) => a.atMs - b.atMs);
      return this.draw.happens(0.5);
    }
    this.#push(record);
    return true;
  }

  /** What is told beside the log: at once, late, or never; nobody waits for it. */
  announce(region: SimRegion, record: ControlRecord): void {
    if (!isAnnounced(record)) return;
    for (const other of this.regions) {
      if (other === region || !this.reaches(region, other) || this.draw.happens(0.2)) continue;
      this.totals.count('announcements');
      const lateMs = this.draw.happens(0.7) ? 0 : this.draw.between(1, 60) * turnMs;
      this.#announced.push({ atMs: this.nowMs + lateMs, to: other, record });
    }
  }

  /** Invariant: at most one region ever opens as primary in an epoch. */
  noteOpening(region: SimRegion, epoch: number): void {
    const opener = `${region.id} ${region.log.store ?? ''}`;
    const known = this.#openers.get(epoch);
    if (known !== undefined && known !== opener) {
      throw new Violation(`two primaries in epoch ${epoch}: ${known} and ${opener}`);
    }
    this.#openers.set(epoch, opener);
  }

  /** Invariant: a region opens only when nobody may still act on the lease of an older epoch. */
  #checkLeases(opener: SimRegion, epoch: number): void {
    const holder = this.regions.find(
      (one) => one !== opener && one.state.fold.epoch < epoch && this.#holdsLease(one),
    );
    if (holder === undefined) return;
    throw new Violation(
      `${opener.id} opens epoch ${epoch} while ${holder.id} holds an older lease`,
    );
  }

  #holdsLease({ isUp, state }: SimRegion): boolean {
    return isUp && this.nowMs < (state.lease.validUntilMs ?? -Infinity);
  }

  noteOpened(region: SimRegion, epoch: number): void {
    this.noteOpening(region, epoch);
    this.#checkLeases(region, epoch);
    this.totals.count('epochs');
    this.trace(`${this.nowMs} ms: ${region.id} opens epoch ${epoch}`);
    // One that opens late may lack what a newer epoch has confirmed meanwhile.
    const lost = this.ledger
      .missingFrom(region.node.db)
      .find(({ position }) => position.epoch < epoch);
    if (lost === undefined) return;
    const position = formatPosition(lost.position);
    throw new Violation(`${region.id} opens epoch ${epoch} without ${lost.mode} ${position}`);
  }

  noteConfirmed(transaction: Transaction): void {
    this.ledger.confirm(transaction);
    if (this.isCalm) this.#lateConfirmed += 1;
  }

  /** Invariant: every region's history is a prefix of the primary's. */
  checkPrefix(region: SimRegion, source: SimRegion): void {
    const rows = (of: SimRegion): { name: string; holds: Transaction[] } => ({
      name: of.id,
      holds: of.node.db.filter((one) => one.id !== 0),
    });
    checkPrefix(rows(region), rows(source));
  }

  #push(record: ControlRecord): void {
    this.trace(`${this.nowMs} ms, ${this.control.length}: ${encodeControlRecord(record)}`);
    this.control.push(record);
    if (record.kind === 'member') this.totals.count('member changes');
    if (record.kind === 'degrade') this.totals.count('K changes');
    if (record.kind === 'prepare') this.#countPrepare(record);
  }

  #countPrepare({ change, attempt, operation }: Extract<ControlRecord, { kind: 'prepare' }>): void {
    if (change === 'switchover') this.totals.count('switchovers');
    if (attempt > 1) this.totals.count('competing attempts');
    else if (change === 'failover' && this.regions.some((one) => this.#holdsLease(one))) {
      this.totals.count('failovers during a lease');
    }
    if (operation?.reason.includes(' is gone: ') === true) this.totals.count('primaries gone');
  }

  #deliverAnnounced(): void {
    // A region that is paused hears what came meanwhile when it goes on.
    const isDue = ({ atMs, to }: { atMs: number; to: SimRegion }): boolean =>
      atMs <= this.nowMs && this.nowMs >= to.pausedUntilMs;
    const due = this.#announced.filter(isDue);
    if (due.length === 0) return;
    this.#announced = this.#announced.filter((one) => !isDue(one));
    for (const { to, record } of due) {
      if (to.isUp) to.post({ kind: 'recordAnnounced', record });
    }
  }

  #deliverHeld(): void {
    let first = this.#held[0];
    while (first !== undefined && first.atMs <= this.nowMs) {
      this.#held.shift();
      this.#push(first.record);
      first = this.#held[0];
    }
  }

  #hearPeers(region: SimRegion): void {
    for (const peer of this.regions) {
      if (peer === region || !this.reaches(peer, region) || !this.draw.happens(0.15)) continue;
      const report = peer.view?.reports.find((one) => one.id === peer.id);
      if (report !== undefined) region.post({ kind: 'peerReported', report });
    }
  }

  /** A forced failover may lose what lies beyond its cut: from then on it is listed. */
  #excuseForced(region: SimRegion): void {
    for (const promotion of region.state.fold.history) {
      if (this.rules.isLossAccepted(promotion)) this.ledger.excuseBeyond(promotion);
    }
  }

  /** Stopped at the end: right if what would prove safety is gone, a defect otherwise. */
  #judgeStop(): void {
    const holders = this.regions.filter(
      (region) => this.ledger.missingFrom(region.node.db).length === 0,
    );
    const isLost = holders.length === 0;
    // A server that does not come back, and no standby beside it: a person has to replace it.
    const hasDeadRegion = this.regions.some(
      ({ node }) => node.isLost && node.data === 'ready' && node.standby !== 'ready',
    );
    // Whoever forced a region that cannot seal has to choose another one.
    const isForced = this.regions.some(
      ({ state }) => state.fold.prepare !== null && state.fold.prepare.force !== null,
    );
    if (isLost || this.faults.hasDestroyed || hasDeadRegion || isForced) {
      this.totals.count(isLost ? 'stopped, something lost' : 'stopped, for safety');
      return;
    }
    const states = this.regions.map((region) => {
      const { fold, role, why } = region.state;
      return `${region.id} ${role} (${why}) epoch ${fold.epoch} primary ${fold.primary}`;
    });
    throw new Violation(`not live again: ${states.join('; ')}`);
  }
}
