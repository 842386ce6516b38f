/** The promise of a region: drain, end the lease, complete the log, then tell the control log. */
import type { OpenPrepare } from '../../../shared/core/control/control-state.ts';
import { follow } from './following.ts';
import { release } from './leading.ts';
import type { Region } from './region.ts';
import type { World } from './world.ts';

/** How long a switchover waits for COMMITs under way. */
const drainTicks = 40;

export function sealWhenDue(world: World, region: Region, prepare: OpenPrepare): void {
  const { rules } = world;
  if (region.sealedEpoch < prepare.epoch) {
    if (!isDue(world, region, prepare)) return;
    seal(world, region, prepare);
  }
  const { promise } = region;
  const isTold = region.toldEpoch === prepare.epoch || region.sealedEpoch !== prepare.epoch;
  if (world.reachesControl(region) && !isTold && promise !== null) {
    region.toldEpoch = prepare.epoch;
    world.send(region, {
      kind: 'seal',
      epoch: prepare.epoch,
      region: region.id,
      store: region.store,
      position: promise.position,
      final: promise.isFinal,
      confirmed: promise.confirmed,
    });
    sendAhead(world, region, prepare);
  }
  if (rules.leftOut === 'noseal' && region.fold.state.primary !== null) follow(world, region);
}

/** Behind the seal of a switchover's successor: the first member is the old primary. */
function sendAhead(world: World, region: Region, prepare: OpenPrepare): void {
  const { epoch, change, preferred, force, oldPrimary, seals } = prepare;
  if (change !== 'switchover' || preferred !== region.id || force !== null) return;
  const last = seals.find((one) => one.region === oldPrimary && one.final);
  if (last === undefined) return;
  const { region: id, store } = last;
  world.send(region, { kind: 'member', epoch, version: 0, action: 'add', region: id, store });
}

/**
 * In a switchover the old primary drains and seals first, then the preferred region, while the
 * others still apply.
 */
function isDue(world: World, region: Region, prepare: OpenPrepare): boolean {
  if (prepare.change !== 'switchover' || prepare.force !== null) return true;
  const hasOldSealed = prepare.seals.some((one) => one.region === prepare.oldPrimary);
  const isNext = region.id === prepare.preferred && hasOldSealed;
  if (region.id !== prepare.oldPrimary && !isNext) {
    follow(world, region);
    return false;
  }
  if (region.leads !== region.fold.state.epoch || region.waiting.length === 0) return true;
  region.drainingSince ??= world.tick;
  if (world.tick - region.drainingSince >= drainTicks) return true;
  release(world, region);
  return false;
}

function seal(world: World, region: Region, prepare: OpenPrepare): void {
  const { leftOut } = world.rules;
  const { epoch, primary } = region.fold.state;
  const isLeading = region.leads === epoch;
  if (prepare.change === 'switchover' && isLeading) {
    world.totals.count('switchovers');
    if (region.waiting.length === 0) world.totals.count('drained switchovers');
  }
  region.sealedEpoch = prepare.epoch;
  region.drainingSince = null;
  region.complete();
  const hasOpened = region.openedEpoch === epoch || leftOut === 'unopened';
  const isOpeningNode = region.promotedIn !== epoch || leftOut === 'final';
  const isFinal = primary === region.id && hasOpened && isOpeningNode;
  const confirmed = region.knowsConfirmed && isLeading ? region.confirmed : null;
  if (leftOut !== 'noseal') region.close();
  region.promise = { position: region.position, isFinal, confirmed };
  world.trace(`${region.id} seals ${prepare.epoch}`);
}
