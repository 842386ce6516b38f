/** What goes wrong and what people ask for, from the world's own random numbers. */
import type { ControlRecord } from '../../shared/core/control-record.ts';
import { nextEpoch } from '../../shared/core/epoch.ts';
import type { RegionId } from '../../shared/core/region.ts';
import type { SimRegion } from './sim-region.ts';
import type { World } from './world.ts';

export class Faults {
  /** Storage was destroyed: stopping for a person may be right. */
  hasDestroyed = false;
  readonly #world: World;
  readonly #cutLinks = new Set<string>();
  readonly #cutControl = new Set<RegionId>();

  constructor(world: World) {
    this.#world = world;
  }

  isCut(a: SimRegion, b: SimRegion): boolean {
    return this.#cutLinks.has(linkOf(a, b));
  }

  isControlCut(region: SimRegion): boolean {
    return this.#cutControl.has(region.id);
  }

  /** At most one fault a turn; in the calm everything heals. */
  strike(): void {
    const world = this.#world;
    const { random, count, regions } = world;
    const region = random.pick(regions);
    if (world.isCalm) {
      this.#heal();
      return;
    }
    const x = random.next();
    if (x < 0.004) {
      this.#cutLinks.add(linkOf(region, random.pick(regions.filter((one) => one !== region))));
      count.partitions += 1;
    } else if (x < 0.012 && this.#cutLinks.size > 0) {
      this.#cutLinks.delete(random.pick([...this.#cutLinks]));
    } else if (x < 0.015) {
      this.#cutControl.add(region.id);
      count.controlCuts += 1;
    } else if (x < 0.025 && this.#cutControl.size > 0) {
      this.#cutControl.delete(random.pick([...this.#cutControl]));
    } else if (x < 0.028 && regions.every((one) => one.isUp)) {
      region.isUp = false;
      count.crashes += 1;
    } else if (x < 0.03) {
      region.pausedUntilMs = world.nowMs + random.between(500, 9000);
      count.pauses += 1;
    } else if (x < 0.0315 && region.isUp) {
      region.startProcess();
      count.crashes += 1;
    } else if (x < 0.033 && region.isUp) {
      region.node.restart();
      count.serverRestarts += 1;
    } else if (x < 0.0332 && region.isUp && regions.every((one) => one.node.db.length > 0)) {
      this.#destroy(region);
    } else if (x < 0.0345) {
      region.speed = random.pick([0.05, 0.2, 0.5, 1]);
    } else if (x < 0.0365) {
      region.slowControlUntilMs = world.nowMs + random.between(1000, 7500);
    } else if (x < 0.037) {
      this.#worstMoment(region);
    } else if (x > 0.05 && x < 0.06) {
      this.#bringBack();
    }
  }

  /** Operators and careless automation: safety must not depend on them. */
  operate(region: SimRegion): void {
    const world = this.#world;
    const { random } = world;
    const { fold, kind } = region.state;
    if (kind !== 'running' || fold.epoch === 0 || world.isCalm || fold.policy === null) return;
    const operation = { id: `op-${world.nowMs}`, by: 'sim', reason: 'chance', atMs: 0 };
    const base = {
      kind: 'prepare' as const,
      epoch: nextEpoch(fold.epoch),
      attempt: (fold.prepare?.attempt ?? 0) + 1,
      force: null,
      operation,
    };
    const members = fold.members.map((member) => member.region);
    const anywhere = random.pick([null, random.pick(world.policy.regions)]);
    let record: ControlRecord | null = null;
    if (fold.prepare !== null && random.chance(0.01)) {
      const old = fold.prepare.oldPrimary;
      const candidates = fold.prepare.members.map((member) => member.region);
      const target = candidates.length > 0 ? random.pick(candidates) : old;
      record = random.pick<ControlRecord>([
        { ...base, change: 'failover', preferred: null },
        { ...base, change: 'switchover', preferred: old },
        { ...base, change: 'switchover', preferred: target },
      ]);
      if (random.chance(0.02)) {
        const seals = fold.prepare.seals.map(({ region: of, position }) => ({ region: of, position }));
        const preferred = random.pick(world.policy.regions);
        const force = { acceptDataLoss: true as const, seals };
        record = { ...base, change: 'failover', preferred, force };
      }
    } else if (fold.prepare === null && random.chance(0.001)) {
      record = { ...base, change: 'failover', preferred: anywhere };
    } else if (fold.prepare === null && fold.primary === region.id && members.length > 0) {
      if (random.chance(0.006)) {
        record = { ...base, change: 'switchover', preferred: random.pick(members) };
      } else if (random.chance(0.004)) {
        const { epoch, version } = fold;
        record = { kind: 'degrade', epoch, version, k: random.between(0, fold.policy.k) };
      } else if (fold.k !== fold.policy.k && random.chance(0.05)) {
        const { epoch, version } = fold;
        record = { kind: 'degrade', epoch, version, k: fold.policy.k };
      }
    }
    if (record !== null) world.append(region, record);
  }

  #heal(): void {
    const world = this.#world;
    this.#cutLinks.clear();
    this.#cutControl.clear();
    for (const region of world.regions) {
      region.speed = 1;
      region.slowControlUntilMs = 0;
    }
    this.#bringBack();
  }

  #bringBack(): void {
    const down = this.#world.regions.find((region) => !region.isUp);
    if (down === undefined) return;
    down.isUp = true;
    down.node.isRunning = false;
    down.startProcess();
  }

  #destroy(region: SimRegion): void {
    this.hasDestroyed = true;
    region.node.wipe();
    region.log.wipe();
    region.startProcess();
    this.#world.count.wiped += 1;
  }

  /** The primary cannot hear while an operator acts elsewhere. */
  #worstMoment(region: SimRegion): void {
    const world = this.#world;
    const primary = world.random.pick(world.regions);
    const isLeading = primary.view?.isOpen === true;
    if (!isLeading || primary === region || !region.isUp) return;
    this.#cutControl.add(primary.id);
    const preferred = world.random.pick([null, region.id]);
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

function linkOf(a: SimRegion, b: SimRegion): string {
  return [a.id, b.id].toSorted().join(' ');
}
