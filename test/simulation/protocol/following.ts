/** Everybody who is not primary: log first, then apply, then acknowledge; diverged: seed anew. */
import { checkPrefix, nextBeyond } from '../ledger.ts';
import { isLater, type Region } from './region.ts';
import type { World } from './world.ts';

export function follow(world: World, region: Region): void {
  const { draw, rules } = world;
  const { epoch, primary: primaryId, prepare } = region.fold.state;
  if (prepare === null && region.leads !== 0) region.close();
  if (primaryId === null || primaryId === region.id) return;
  if (region.sealedEpoch > epoch && rules.leftOut !== 'noseal') return;
  const primary = world.regionNamed(primaryId);
  const isServed = primary.leads === epoch && world.reaches(primary, region);
  if (region.isDiverged(region.position) || region.database.length === 0) {
    if (prepare === null && isServed && world.reaches(region, primary)) {
      seedAnew(world, region, primary);
    }
    return;
  }
  region.dropVoid();
  if (isLater(region.logEnd, region.position)) {
    const logged = nextBeyond(region.log, region.position);
    if (logged !== undefined) region.database.push(logged);
  } else if (isServed && draw.happens(region.speed)) {
    receive(region, primary);
  }
  if (!isServed || !world.reaches(region, primary)) return;
  if (draw.happens(0.7) && region.position.epoch === primary.leads) {
    primary.acks.set(region.id, { store: region.store, position: region.position });
  }
}

function receive(region: Region, primary: Region): void {
  const coming = nextBeyond(primary.database, region.logEnd);
  if (coming === undefined) return;
  checkPrefix(
    { name: region.id, holds: region.database },
    { name: primary.id, holds: primary.database },
  );
  region.log.push(coming);
}

/** What diverged is reported, then everything is replaced: another log, another store. */
function seedAnew(world: World, region: Region, primary: Region): void {
  if (region.database.length > 0) world.totals.count('diverged regions');
  region.database = [...primary.database];
  region.log = [...primary.database];
  region.stores += 1;
}
