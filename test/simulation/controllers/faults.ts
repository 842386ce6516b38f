/** What goes wrong and what people ask for, from the world's own draws. */
import type { ControlRecord } from '../../../shared/core/control/control-record.ts';
import { nextEpoch } from '../../../shared/core/epoch.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { SimRegion } from './sim-region.ts';
import type { World } from './world.ts';

export class Faults {
  /** Storage was destroyed: stopping for a person may be right. */
  hasDestroyed = false;
  readonly #world: World;
  readonly #cutLinks = new Set<string>();
  readonly #cutControl = new Set<RegionId>();
  /** A schedule written by hand: nothing goes wrong but what it brings about itself. */
  areDirected = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** Whether what `from` sends does not arrive at `to`. */
  isCut(from: SimRegion, to: SimRegion): boolean {
    return this.#cutLinks.has(linkOf(from, to));
  }

  isControlCut(region: SimRegion): boolean {
    return this.#cutControl.has(region.id);
  }

  cutBetween(one: SimRegion, other: SimRegion): void {
    this.#cutLinks.add(linkOf(one, other)).add(linkOf(other, one));
  }

  mendBetween(one: SimRegion, other: SimRegion): void {
    this.#cutLinks.delete(linkOf(one, other));
    this.#cutLinks.delete(linkOf(other, one));
  }

  cutControl(region: SimRegion): void {
    this.#cutControl.add(region.id);
  }

  /** At most one fault a turn; in the calm everything heals. */
  strike(): void {
    const world = this.#world;
    const { draw, totals, regions } = world;
    if (this.areDirected) return;
    const region = draw.pick(regions);
    if (world.isCalm) {
      this.heal();
      return;
    }
    const x = draw.fraction();
    if (x < 0.004) {
      this.#cut(region, draw.pick(regions.filter((one) => one !== region)));
    } else if (x < 0.012 && this.#cutLinks.size > 0) {
      this.#mend(draw.pick([...this.#cutLinks]));
    } else if (x < 0.015) {
      this.#cutControl.add(region.id);
      totals.count('control cuts');
    } else if (x < 0.025 && this.#cutControl.size > 0) {
      this.#cutControl.delete(draw.pick([...this.#cutControl]));
    } else if (x < 0.028 && regions.every((one) => one.isUp)) {
      region.isUp = false;
      totals.count('crashes');
    } else if (x < 0.03) {
      const pausedMs = draw.between(500, 9000);
      region.pausedUntilMs = world.nowMs + pausedMs;
      if (pausedMs > world.policy.ttlMs) totals.count('pauses past the lease');
    } else if (x < 0.0315 && region.isUp) {
      region.startProcess();
      totals.count('crashes');
    } else if (x < 0.033 && region.isUp) {
      region.node.restart();
      totals.count('crashes');
    } else if (x < 0.0332 && region.isUp && regions.every((one) => one.node.db.length > 0)) {
      this.#destroy(region);
    } else if (x > 0.06 && x < 0.0625 && region.isUp && region.node.standby === 'ready') {
      region.node.lose();
      totals.count('node losses');
    } else if (x < 0.0345) {
      region.speed = draw.pick([0.05, 0.2, 0.5, 1]);
    } else if (x < 0.0365) {
      region.slowControlUntilMs = world.nowMs + draw.between(1000, 7500);
    } else if (x < 0.037) {
      this.#worstMoment(region);
    } else if (x > 0.05 && x < 0.06) {
      this.#bringBack();
    } else if (x > 0.0625 && x < 0.0645) {
      region.stalledLogUntilMs = world.nowMs + draw.between(500, 6000);
      totals.count('stalled logs');
    }
  }

  /** Operators and careless automation: safety must not depend on them. */
  operate(region: SimRegion): void {
    const world = this.#world;
    const { draw } = world;
    if (this.areDirected) return;
    const { fold, kind } = region.state;
    if (kind !== 'running' || fold.epoch === 0 || fold.policy === null) return;
    if (world.isCalm) {
      this.#restoreK(region);
      return;
    }
    const operation = { id: `op-${world.nowMs}`, by: 'sim', reason: 'chance', atMs: 0 };
    const base = {
      kind: 'prepare' as const,
      epoch: nextEpoch(fold.epoch),
      attempt: (fold.prepare?.attempt ?? 0) + 1,
      force: null,
      operation,
    };
    const members = fold.members.map((member) => member.region);
    const anywhere = draw.pick([null, draw.pick(world.policy.regions)]);
    let record: ControlRecord | null = null;
    if (fold.prepare !== null && draw.happens(0.01)) {
      const old = fold.prepare.oldPrimary;
      const candidates = fold.prepare.members.map((member) => member.region);
      const target = candidates.length > 0 ? draw.pick(candidates) : old;
      record = draw.pick<ControlRecord>([
        { ...base, change: 'failover', preferred: null },
        { ...base, change: 'switchover', preferred: old },
        { ...base, change: 'switchover', preferred: target },
      ]);
      if (draw.happens(0.02)) {
        const seals = fold.prepare.seals.map(({ region: of, position }) => ({
          region: of,
          position,
        }));
        const preferred = draw.pick(world.policy.regions);
        const force = { acceptDataLoss: true as const, seals };
        record = { ...base, change: 'failover', preferred, force };
      }
    } else if (fold.prepare === null && draw.happens(0.001)) {
      record = { ...base, change: 'failover', preferred: anywhere };
    } else if (fold.prepare === null && fold.primary === region.id && members.length > 0) {
      if (draw.happens(0.006)) {
        record = { ...base, change: 'switchover', preferred: draw.pick(members) };
      } else if (draw.happens(0.004)) {
        const { epoch, version } = fold;
        record = { kind: 'degrade', epoch, version, k: draw.between(0, fold.policy.k) };
      } else if (draw.happens(0.05)) this.#restoreK(region);
    }
    if (record !== null) world.append(region, record);
  }

  #restoreK(region: SimRegion): void {
    const { epoch, version, k, policy, primary, members, prepare } = region.state.fold;
    const isDue = policy !== null && k !== policy.k && members.length >= policy.k;
    if (!isDue || primary !== region.id || prepare !== null) return;
    this.#world.append(region, { kind: 'degrade', epoch, version, k: policy.k });
  }

  #cut(one: SimRegion, other: SimRegion): void {
    const { draw, totals } = this.#world;
    this.#cutLinks.add(linkOf(one, other));
    const isOneWay = draw.happens(0.25);
    if (!isOneWay) this.#cutLinks.add(linkOf(other, one));
    totals.count(isOneWay ? 'one-way cuts' : 'partitions');
  }

  #mend(link: string): void {
    this.#cutLinks.delete(link);
    const back = link.split('>').toReversed().join('>');
    if (this.#world.draw.happens(0.75)) this.#cutLinks.delete(back);
  }

  /** Everything works again; of the regions that are down one starts. */
  heal(): void {
    const world = this.#world;
    this.#cutLinks.clear();
    this.#cutControl.clear();
    for (const region of world.regions) {
      region.speed = 1;
      region.slowControlUntilMs = 0;
      region.stalledLogUntilMs = 0;
    }
    this.#bringBack();
  }

  #bringBack(): void {
    const down = this.#world.regions.find((region) => !region.isUp);
    if (down === undefined) return;
    down.isUp = true;
    // The agent starts its nodes again as they ran.
    down.node.isRunning = false;
    down.node.restart();
    down.startProcess();
  }

  #destroy(region: SimRegion): void {
    this.hasDestroyed = true;
    region.node.wipe();
    region.node.standby = 'none';
    region.log.wipe();
    region.startProcess();
    this.#world.totals.count('lost storages');
  }

  /** The primary cannot hear while an operator acts elsewhere. */
  #worstMoment(region: SimRegion): void {
    const world = this.#world;
    const primary = world.draw.pick(world.regions);
    const isLeading = primary.view?.isOpen === true;
    if (!isLeading || primary === region || !region.isUp) return;
    this.#cutControl.add(primary.id);
    const preferred = world.draw.pick([null, region.id]);
    world.append(region, {
      kind: 'prepare',
      epoch: nextEpoch(region.state.fold.epoch),
      attempt: 1,
      change: 'failover',
      preferred,
      force: null,
      operation: null,
    });
  }
}

function linkOf(from: SimRegion, to: SimRegion): string {
  return `${from.id}>${to.id}`;
}
