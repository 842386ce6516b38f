/** Failure detection and operators, careless on purpose: safety must not depend on them. */
import type { PrepareRecord } from '../../../shared/core/control/control-record.ts';
import { expiredFromMs } from '../../../shared/core/lease.ts';
import { leaseTimes, type Region } from './region.ts';
import { mayNotOpen } from './taking-over.ts';
import { prepareOf, type World } from './world.ts';

export function propose(world: World, region: Region): void {
  const { draw, isCalm, tick } = world;
  const { epoch, primary, members, prepare } = region.fold.state;
  const ask = (changes: Partial<PrepareRecord>): void => {
    world.send(region, prepareOf(epoch + 1, changes));
  };
  if (prepare !== null) {
    if (draw.happens(0.01)) proposeFurtherAttempt(world, region);
    return;
  }
  if (draw.happens(0.001) && !isCalm) {
    ask({ preferred: draw.pick([null, draw.pick(world.regions).id]) });
    return;
  }
  const isLeaseOver = tick > expiredFromMs(region.fold.readAt, leaseTimes);
  if (primary !== region.id && isLeaseOver && draw.happens(0.1)) {
    ask({});
  } else if (primary === region.id && mayNotOpen(region) && draw.happens(0.1)) {
    ask({ preferred: region.id });
  } else if (primary === region.id && region.leads === epoch && members.length > 0) {
    if (!draw.happens(0.004) || isCalm) return;
    const target = draw.pick(members.map((member) => member.region).sort());
    ask({ change: 'switchover', preferred: target });
  }
}

/** Another kind, another preference, or a person who forces it. */
function proposeFurtherAttempt(world: World, region: Region): void {
  const { draw, isCalm } = world;
  const { epoch, prepare } = region.fold.state;
  if (prepare === null) return;
  const { oldPrimary } = prepare;
  const members = prepare.members.map((member) => member.region).sort();
  const choice: Partial<PrepareRecord> = draw.pick([
    { change: 'failover', preferred: null },
    { change: 'switchover', preferred: oldPrimary },
    { change: 'switchover', preferred: members.length > 0 ? draw.pick(members) : oldPrimary },
  ]);
  const attempt = prepareOf(epoch + 1, { ...choice, attempt: prepare.attempt + 1 });
  if (!draw.happens(0.02) || isCalm) {
    world.send(region, attempt);
    return;
  }
  const seals = prepare.seals.map((seal) => ({ region: seal.region, position: seal.position }));
  const preferred = draw.pick(world.regions).id;
  const force = { acceptDataLoss: true, seals } as const;
  world.send(region, { ...attempt, change: 'failover', preferred, force });
}
