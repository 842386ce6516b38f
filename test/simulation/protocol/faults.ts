/** What goes wrong in a tick. Denser than in life by far; the same for the same seed. */
import { leaseTimes, type Region } from './region.ts';
import { linkOf, prepareOf, type World } from './world.ts';

/** Draws at most one fault, or the end of one; in the calm everything heals and starts again. */
export function bringFaults(world: World): void {
  const { draw } = world;
  const x = draw.fraction();
  if (world.isCalm) {
    world.cutLinks.clear();
    world.cutControl.clear();
    for (const region of world.regions) {
      region.speed = 1;
      region.slowControlUntil = 0;
    }
    startOneAgain(world);
    draw.pick(world.regions);
    return;
  }
  const region = draw.pick(world.regions);
  if (x < 0.012) changeLinks(world, x);
  else if (x < 0.025) changeControl(world, region, x);
  else if (x < 0.03) stopProcess(world, region, x);
  else if (x < 0.037) damage(world, region, x);
  else if (x < 0.04) slowDown(world, region, x);
  else if (x > 0.05 && x < 0.06) startOneAgain(world);
}

function changeLinks(world: World, x: number): void {
  const { draw, cutLinks, regions } = world;
  if (x < 0.004) {
    const one = draw.pick(regions);
    const other = draw.pick(regions.filter((region) => region !== one));
    cutLinks.add(linkOf(one, other));
    if (draw.happens(0.25)) {
      world.totals.count('one-way cuts');
      return;
    }
    cutLinks.add(linkOf(other, one));
    world.totals.count('partitions');
  } else if (cutLinks.size > 0) {
    const [from, to] = draw.pick([...cutLinks].sort()).split('>');
    cutLinks.delete(`${from}>${to}`);
    if (draw.happens(0.75)) cutLinks.delete(`${to}>${from}`);
  }
}

function changeControl(world: World, region: Region, x: number): void {
  const { draw, cutControl, totals } = world;
  if (x < 0.015) {
    cutControl.add(region.id);
    totals.count('control cuts');
  } else if (cutControl.size > 0) {
    cutControl.delete(draw.pick([...cutControl].sort()));
  }
}

function stopProcess(world: World, region: Region, x: number): void {
  if (x < 0.028) {
    if (!world.regions.every(({ isUp }) => isUp)) return;
    region.isUp = false;
    world.totals.count('crashes');
    return;
  }
  const ticks = world.draw.between(10, 3 * leaseTimes.ttlMs);
  region.pausedUntil = world.tick + ticks;
  const isPastLease = ticks > leaseTimes.ttlMs && region.leads !== 0;
  if (isPastLease) world.totals.count('pauses past the lease');
}

function damage(world: World, region: Region, x: number): void {
  const { draw, totals, tick } = world;
  if (x < 0.033) {
    if (!region.isUp) return;
    region.restart(tick);
    totals.count('crashes');
  } else if (x < 0.0355) {
    if (region.isUp) loseNode(world, region);
  } else if (x < 0.0357) {
    const hasSpare = world.regions.every(({ database }) => database.length > 0);
    if (region.isUp && hasSpare) loseStorage(world, region);
  } else {
    region.speed = draw.pick([0.05, 0.2, 0.5, 1]);
  }
}

function slowDown(world: World, region: Region, x: number): void {
  const { draw, tick, policy } = world;
  if (x < 0.039) {
    region.slowControlUntil = tick + draw.between(20, 150);
  } else if (x < 0.0395) {
    // The worst moment: the primary cannot hear, and an operator acts elsewhere.
    const primary = draw.pick(world.regions);
    if (primary.leads === 0 || primary === region || !region.isUp) return;
    world.cutControl.add(primary.id);
    const preferred = draw.pick([null, region.id]);
    world.send(region, prepareOf(region.fold.state.epoch + 1, { preferred }));
  } else if (region.isUp) {
    const { version } = region.fold.state.policy ?? policy;
    const k = draw.between(1, Math.min(2, world.regions.length - 1));
    world.send(region, { kind: 'policy', policy: { ...policy, version: version + 1, k } });
  }
}

/** The PostgreSQL node is gone; its standby, a little behind, takes its place. */
export function loseNode(world: World, region: Region): void {
  const lost = world.draw.between(0, 3);
  region.promotedIn = region.openedEpoch;
  region.database = region.database.slice(0, region.database.length - lost);
  region.restart(world.tick);
  if (world.rules.leftOut !== 'norelog') region.complete();
  world.totals.count('node losses');
}

/** Node, standbys and log are gone: the region begins anew, with another store. */
export function loseStorage(world: World, region: Region): void {
  region.database = [];
  region.log = [];
  region.stores += 1;
  region.sealedEpoch = region.openedEpoch = region.promotedIn = 0;
  region.checkpoints = [];
  region.fold = world.emptyFold();
  region.restart(world.tick);
  world.totals.count('lost storages');
}

function startOneAgain(world: World): void {
  const down = world.regions.find(({ isUp }) => !isUp);
  if (down === undefined) return;
  down.isUp = true;
  down.restart(world.tick);
}
