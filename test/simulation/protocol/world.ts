/**
 * The first world: simulated regions around the real fold and the real rules of consistency,
 * quorum and lease. Time is a tick counter of the same speed everywhere; in each tick one region
 * has its turn. It follows the rules of DESIGN.md section 5 as a region's services do together.
 */
import { initialControlState } from '../../../shared/core/control/control-state.ts';
import type { ControlRecord, Policy } from '../../../shared/core/control/control-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import { ControlTopic } from '../control-topic.ts';
import { createDraw, type Draw } from '../draw.ts';
import { Ledger } from '../ledger.ts';
import type { Totals } from '../totals.ts';
import { hold } from '../violation.ts';
import { bringFaults } from './faults.ts';
import { FoldReader, leaseTimes, Region } from './region.ts';
import { realRules, type Rules } from './rules.ts';
import { takeTurn } from './turn.ts';

/** With faults, then without: everything must be live again. */
export const faultyTicks = 3500;
export const calmTicks = 1500;

export interface WorldOptions {
  readonly seed: number;
  readonly totals: Totals;
  readonly rules?: Rules;
  readonly trace?: (line: string) => void;
  /** Drawn from the seed unless given. */
  readonly regionCount?: number;
  readonly k?: number;
}

export class World {
  readonly draw: Draw;
  readonly totals: Totals;
  readonly rules: Rules;
  readonly ledger: Ledger;
  readonly regions: readonly Region[];
  readonly policy: Policy;
  readonly topic = new ControlTopic();
  /** `from>to`: what the first sends does not reach the second. */
  readonly cutLinks = new Set<string>();
  /** Regions that do not reach the control log. */
  readonly cutControl = new Set<RegionId>();
  readonly trace: (line: string) => void;
  tick = 0;
  /** Who opened each epoch, with which store. */
  readonly #openers = new Map<Epoch, string>();
  /** Folds every record as it arrives: for the figures and the excuses alone. */
  readonly #observer: FoldReader;
  #confirmedWhileCalm = false;

  constructor(options: WorldOptions) {
    const { seed, totals, rules = realRules, trace = () => undefined } = options;
    this.draw = createDraw(seed);
    this.totals = totals;
    this.rules = rules;
    this.trace = trace;
    this.ledger = new Ledger(totals);
    const count = options.regionCount ?? this.draw.pick([2, 3, 3, 3, 4]);
    const k = options.k ?? this.draw.pick([1, 1, Math.min(2, count - 1)]);
    const ids = Array.from({ length: count }, (_, index) => `r${index}` as RegionId);
    this.policy = {
      version: 1,
      clusterId: 'simulated',
      regions: ids,
      priority: ids,
      k,
      ...leaseTimes,
      rules: 1,
    };
    this.regions = ids.map((id) => new Region(id, rules));
    this.#observer = new FoldReader();
    const first = { kind: 'policy', policy: this.policy } as const;
    const opening = rules.foldControl(initialControlState, first).state;
    this.#observer.state = opening;
    for (const region of this.regions) region.fold.state = opening;
    this.topic.append(prepareOf(1, { preferred: ids[0] ?? null }));
  }

  /** The state that a region without a checkpoint starts from: the policy alone. */
  emptyFold(): FoldReader {
    const first = { kind: 'policy', policy: this.policy } as const;
    return new FoldReader(this.rules.foldControl(initialControlState, first).state);
  }

  get isCalm(): boolean {
    return this.tick > faultyTicks;
  }

  regionNamed(id: RegionId): Region {
    const region = this.regions.find((one) => one.id === id);
    if (region === undefined) throw new Error(`no region ${id}`);
    return region;
  }

  /** Whether what `from` sends arrives at `to`. */
  reaches(from: Region, to: Region): boolean {
    return from.isUp && to.isUp && !this.cutLinks.has(linkOf(from, to));
  }

  reachesControl(region: Region): boolean {
    return !this.cutControl.has(region.id);
  }

  /** Sends a control record: it may be long on its way. */
  send(region: Region, record: ControlRecord): void {
    if (this.tick < region.slowControlUntil || this.draw.happens(0.03)) {
      const from = Math.max(region.slowControlUntil, this.tick);
      this.topic.appendLate(record, from + this.draw.between(1, 200));
      this.totals.count('late records');
    } else {
      this.topic.append(record);
    }
  }

  /** `region` opens `epoch`: nobody else ever does, and no other store of it. */
  open(region: Region, epoch: Epoch): void {
    const opener = `${region.id}, store ${region.store}`;
    const before = this.#openers.get(epoch) ?? opener;
    hold(before === opener, () => `two primaries in epoch ${epoch}: ${before} and ${opener}`);
    this.#openers.set(epoch, opener);
    this.totals.count('epochs');
    this.trace(`${region.id} opens epoch ${epoch}`);
  }

  run(): void {
    for (this.tick = 1; this.tick < faultyTicks + calmTicks; this.tick += 1) {
      bringFaults(this);
      this.step(this.draw.pick(this.regions));
    }
    if (!this.#confirmedWhileCalm) this.#judgeStop();
  }

  /** One tick in which `region` has its turn. */
  step(region: Region): void {
    this.topic.deliver(this.tick);
    this.#observe();
    if (!region.isUp || this.tick < region.pausedUntil) return;
    const before = this.ledger.confirmedCount;
    takeTurn(this, region);
    this.#confirmedWhileCalm ||= this.isCalm && this.ledger.confirmedCount > before;
    this.#observe();
  }

  #observe(): void {
    const fold = this.#observer;
    for (; fold.offset < this.topic.length; fold.offset += 1) {
      const record = this.topic.at(fold.offset);
      if (record === undefined) return;
      const outcome = fold.feed(record, this.tick, this.rules);
      this.trace(`${fold.offset}: ${describe(record)} → ${outcome.kind}`);
      if (record.kind === 'prepare' && (record.attempt > 1 || outcome.kind === 'void')) {
        this.totals.count('competing attempts');
      }
      if (outcome.kind === 'applied' && record.kind === 'member')
        this.totals.count('member changes');
      if (outcome.kind === 'applied' && record.kind === 'degrade') this.totals.count('K changes');
      if (outcome.kind === 'applied' && record.kind === 'policy')
        this.totals.count('policy changes');
      if (outcome.kind === 'promoted' && this.rules.isLossAccepted(outcome.promotion)) {
        this.ledger.excuseBeyond(outcome.promotion);
      }
    }
  }

  /**
   * Nothing is confirmed any more although every fault has ended: right if something confirmed is
   * gone everywhere, or the proof that it is not; a defect otherwise.
   */
  #judgeStop(): void {
    const isHeld = this.regions.some((one) => this.ledger.missingFrom(one.database).length === 0);
    this.totals.count(isHeld ? 'stopped, for safety' : 'stopped, something lost');
    const isDamaged = this.regions.some((one) => one.promotedIn !== 0 || one.stores !== 0);
    hold(!isHeld || isDamaged, () => `not live again: ${this.regions.map(stateOf).join('; ')}`);
  }
}

export function linkOf(from: { readonly id: RegionId }, to: { readonly id: RegionId }): string {
  return `${from.id}>${to.id}`;
}

/** The first attempt to open `epoch` by a failover, but for `changes`. */
export function prepareOf(
  epoch: number,
  changes: Partial<Extract<ControlRecord, { kind: 'prepare' }>> = {},
): Extract<ControlRecord, { kind: 'prepare' }> {
  return {
    kind: 'prepare',
    epoch: epoch as Epoch,
    attempt: 1,
    change: 'failover',
    preferred: null,
    force: null,
    operation: null,
    ...changes,
  };
}

function stateOf({ id, fold, leads, position }: Region): string {
  const { epoch, primary, members, prepare } = fold.state;
  const names = members.map(({ region }) => region).join('+');
  const open = prepare === null ? 'no prepare' : `prepare, ${prepare.seals.length} seals`;
  const at = `${position.epoch}/${position.endLsn}`;
  return `${id} at ${at} in epoch ${epoch} of ${primary} [${names}] ${open}, leads ${leads}`;
}

function describe(record: ControlRecord): string {
  return JSON.stringify(record, (_, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  );
}
