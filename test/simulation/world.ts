/**
 * A simulated world: n regions with real controllers over one control log, a network, clocks and
 * faults, all from one seed. Every turn checks the invariants of DESIGN.md section 3.
 */
import type { ControlRecord, Policy } from '../../shared/core/control-record.ts';
import type { Epoch } from '../../shared/core/epoch.ts';
import type { RegionId } from '../../shared/core/region.ts';
import { Faults } from './faults.ts';
import { Random } from './random.ts';
import { realRules, type Rules } from './rules.ts';
import { SimRegion } from './sim-region.ts';
import { isPast, Violation, type Txn } from './transaction.ts';
import { Workload } from './workload.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly rules?: Rules;
  readonly faultyTurns?: number;
  readonly calmTurns?: number;
}

const turnMs = 50;
const names = ['alpha', 'bravo', 'charlie', 'delta'] as RegionId[];

export class World {
  readonly random: Random;
  readonly rules: Rules;
  readonly policy: Omit<Policy, 'version' | 'rules'>;
  readonly regions: readonly SimRegion[];
  readonly control: ControlRecord[] = [];
  readonly count = {
    epochs: 0,
    confirmed: 0,
    strong: 0,
    tokens: 0,
    lostTokens: 0,
    seeds: 0,
    diverged: 0,
    cleanSeals: 0,
    forced: 0,
    partitions: 0,
    controlCuts: 0,
    crashes: 0,
    serverRestarts: 0,
    pauses: 0,
    wiped: 0,
    switchovers: 0,
    attempts: 0,
    memberChanges: 0,
    kChanges: 0,
    lateConfirmed: 0,
  };
  readonly confirmed: Txn[] = [];
  readonly confirmedIds = new Set<number>();
  readonly written: Txn[] = [];
  /** Lost by a forced failover that a person accepted. */
  readonly excused = new Set<number>();
  readonly faults: Faults;
  readonly workload: Workload;
  nowMs = 0;
  isCalm = false;
  #held: { atMs: number; record: ControlRecord }[] = [];
  #stores = 0;
  readonly #openers = new Map<number, string>();
  readonly #forcedSeen = new Set<number>();
  readonly #options: WorldOptions;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = new Random(options.seed);
    this.rules = options.rules ?? realRules;
    const count = this.random.pick([2, 3, 3, 3, 4]);
    const k = this.random.pick([1, 1, Math.min(2, count - 1)]);
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
    if (this.count.lateConfirmed === 0) this.#judgeStop();
    return this;
  }

  turn(): void {
    this.faults.strike();
    this.#deliverHeld();
    const region = this.random.pick(this.regions);
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

  isLinked(a: SimRegion, b: SimRegion): boolean {
    return a.isUp && b.isUp && !this.faults.isCut(a, b);
  }

  reachesControl(region: SimRegion): boolean {
    return !this.faults.isControlCut(region) && this.nowMs >= region.slowControlUntilMs;
  }

  /** Appends now, later, or not at all (then false: the outcome is unknown). */
  append(region: SimRegion, record: ControlRecord): boolean {
    if (this.faults.isControlCut(region)) return false;
    if (this.nowMs < region.slowControlUntilMs || this.random.chance(0.03)) {
      const atMs =
        Math.max(region.slowControlUntilMs, this.nowMs) + this.random.between(1, 200) * turnMs;
      this.#held.push({ atMs, record });
      this.#held.sort((a, b) => a.atMs - b.atMs);
      return this.random.chance(0.5);
    }
    this.#push(record);
    return true;
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

  noteOpened(region: SimRegion, epoch: number): void {
    this.noteOpening(region, epoch);
    this.count.epochs += 1;
    const held = new Set(region.node.db.map((txn) => txn.id));
    const lost = this.confirmed.find((txn) => !held.has(txn.id) && !this.excused.has(txn.id));
    if (lost !== undefined) {
      const { epoch: of, endLsn } = lost.position;
      throw new Violation(`${region.id} opens epoch ${epoch} without ${lost.mode} ${of}:${endLsn}`);
    }
  }

  noteConfirmed(txn: Txn): void {
    this.confirmed.push(txn);
    this.confirmedIds.add(txn.id);
    this.count.confirmed += 1;
    if (this.isCalm) this.count.lateConfirmed += 1;
    this.workload.tokens.push(txn);
  }

  /** Invariant: every region's history is a prefix of the primary's. */
  checkPrefix(region: SimRegion, source: SimRegion): void {
    const { db } = region.node;
    const of = source.node.db;
    const last = db.length - 1;
    // Histories are compared at their end each time: they grow by appending only.
    const same = db[last]?.id === of[last]?.id && db[last]?.position.epoch === of[last]?.position.epoch;
    if (db.length > of.length ? !isStart(db, of) : !same) {
      throw new Violation(`the history of ${region.id} is no prefix of ${source.id}'s`);
    }
  }

  #push(record: ControlRecord): void {
    this.control.push(record);
    if (record.kind === 'member') this.count.memberChanges += 1;
    if (record.kind === 'degrade') this.count.kChanges += 1;
    if (record.kind === 'prepare' && record.change === 'switchover') this.count.switchovers += 1;
    if (record.kind === 'prepare' && record.attempt > 1) this.count.attempts += 1;
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
      if (peer === region || !this.isLinked(region, peer) || !this.random.chance(0.15)) continue;
      const report = peer.view?.reports.find((one) => one.id === peer.id);
      if (report !== undefined) region.post({ kind: 'peerReported', report });
    }
  }

  /** A forced failover may lose what lies beyond its cut: from then on it is listed. */
  #excuseForced(region: SimRegion): void {
    for (const { epoch, cut, isForced } of region.state.fold.history) {
      if (!isForced || this.#forcedSeen.has(epoch)) continue;
      this.#forcedSeen.add(epoch);
      this.count.forced += 1;
      for (const txn of this.written) {
        if (txn.position.epoch < epoch && isPast(txn.position, cut)) this.excused.add(txn.id);
      }
    }
  }

  /** Stopped at the end: right if what would prove safety is gone, a defect otherwise. */
  #judgeStop(): void {
    const needed = [...this.confirmedIds].filter((id) => !this.excused.has(id));
    const holders = this.regions.filter((region) => {
      const held = new Set(region.node.db.map((txn) => txn.id));
      return needed.every((id) => held.has(id));
    });
    if (holders.length === 0 || this.faults.hasDestroyed) return;
    const states = this.regions.map((region) => {
      const { fold, role, why } = region.state;
      return `${region.id} ${role} (${why}) epoch ${fold.epoch} primary ${fold.primary}`;
    });
    throw new Violation(`not live again: ${states.join('; ')}`);
  }
}

function isStart(db: readonly Txn[], of: readonly Txn[]): boolean {
  const last = of.length - 1;
  return db[last]?.id === of[last]?.id;
}

export type { Epoch };
