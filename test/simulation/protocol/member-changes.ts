/** Who counts: the primary adds, removes and lowers or raises K, carelessly often. */
import { isAtOrPast, laterPosition } from '../../../shared/core/position.ts';
import { startOf, type Region } from './region.ts';
import type { World } from './world.ts';

export function changeMembers(world: World, region: Region): void {
  if (region.removing !== null) {
    finishRemoval(world, region);
    return;
  }
  const { draw, isCalm } = world;
  const { epoch, version, members, k, kLow, policy } = region.fold.state;
  const isMember = (id: string): boolean => members.some((member) => member.region === id);
  const joining = [...region.acks].find(
    ([id, { position }]) => isAtOrPast(position, startOf(epoch)) && !isMember(id),
  );
  const stale = members.find((member) => {
    const ack = region.acks.get(member.region);
    return ack !== undefined && ack.store !== member.store;
  });
  const policyK = policy?.k ?? 1;
  if (joining !== undefined) {
    const [id, { store }] = joining;
    world.send(region, { kind: 'member', epoch, version, action: 'add', region: id, store });
  } else if ((stale || (draw.happens(0.4) && !isCalm)) && members.length > kLow) {
    region.removing = (stale ?? draw.pick(members)).region;
  } else if (draw.happens(0.1) && !isCalm) {
    world.send(region, { kind: 'degrade', epoch, version, k: draw.between(0, policyK) });
  } else if (k !== policyK && members.length >= policyK) {
    world.send(region, { kind: 'degrade', epoch, version, k: policyK });
  }
}

/** The member counts no more; it goes once the others hold all that may have been confirmed. */
function finishRemoval(world: World, region: Region): void {
  const { epoch, version, members } = region.fold.state;
  const leaving = members.find((member) => member.region === region.removing);
  if (leaving === undefined) {
    region.removing = null;
    return;
  }
  const needed = laterPosition(region.confirmed, region.bound);
  const isSafe = region.isHeldByEnough(needed);
  const hasEnough = members.length > region.fold.state.kLow;
  if (!isSafe && !(world.rules.leftOut === 'remfast' && hasEnough)) return;
  const { region: id, store } = leaving;
  world.send(region, { kind: 'member', epoch, version, action: 'remove', region: id, store });
}
