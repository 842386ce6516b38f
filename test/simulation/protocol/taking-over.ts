/** The chosen region on its way to be primary: catch up, wait out the old lease, open. */
import { isAtOrPast, zeroPosition } from '../../../shared/core/position.ts';
import { nextBeyond, type Transaction } from '../ledger.ts';
import { hold } from '../violation.ts';
import { isLater, leaseTimes, startOf, type Region } from './region.ts';
import type { World } from './world.ts';

/** A promoted standby never continues its epoch, and only the store that sealed may open. */
export function mayNotOpen(region: Region): boolean {
  const { leftOut } = region.rules;
  const isPromotedStandby = region.promotedIn === region.fold.state.epoch && leftOut !== 'resume';
  const isOtherStore = region.store !== region.fold.promotion.store && leftOut !== 'anystore';
  return isPromotedStandby || isOtherStore;
}

export function takeOver(world: World, region: Region): void {
  if (mayNotOpen(region)) return;
  if (region.openedEpoch === region.fold.state.epoch) {
    openAgain(region);
    return;
  }
  region.dropVoid();
  if (isLater(region.logEnd, region.position)) region.complete();
  const { cut, isQuick } = region.fold.promotion;
  if (isLater(cut, region.position)) {
    catchUp(world, region);
    return;
  }
  const { epoch } = region.fold.state;
  hold(
    epoch === 1 || !isLater(region.position, cut),
    () => `the chosen primary ${region.id} is beyond the cut of epoch ${epoch}`,
  );
  const oldLeaseEnds = world.rules.expiredFromMs(region.fold.promotedAt, leaseTimes);
  if (epoch === 1 || isQuick || world.tick >= oldLeaseEnds) open(world, region);
}

/** After a restart in its own epoch: older writes may have been confirmed, and are visible. */
function openAgain(region: Region): void {
  const { leftOut } = region.rules;
  region.complete();
  region.leads = region.fold.state.epoch;
  region.bound = leftOut === 'forget' ? zeroPosition : region.position;
  region.strongReadsFrom = leftOut === 'ghost' ? null : region.position;
  region.confirmed = startOf(region.leads);
  region.knowsConfirmed = false;
}

function catchUp(world: World, region: Region): void {
  const { source, cut } = region.fold.promotion;
  const from = world.regionNamed(source);
  if (!world.reaches(from, region) || !world.reaches(region, from)) return;
  const missing = nextBeyond(from.log, region.position);
  if (missing === undefined || !isAtOrPast(cut, missing.position)) return;
  region.log.push(missing);
  region.database.push(missing);
}

function open(world: World, region: Region): void {
  const { epoch } = region.fold.state;
  const { cut, safe } = region.fold.promotion;
  world.open(region, epoch);
  const start: Transaction = { position: startOf(epoch), id: 0, mode: 'async' };
  region.database.push(start);
  region.log.push(start);
  region.close();
  region.leads = region.openedEpoch = epoch;
  region.confirmed = start.position;
  region.knowsConfirmed = true;
  region.bound = zeroPosition;
  const isUnproven = isLater(cut, safe) && world.rules.leftOut !== 'early';
  region.strongReadsFrom = isUnproven ? start.position : null;
}
