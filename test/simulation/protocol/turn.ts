/** What a region does in its turn: reads the control log, then acts as what the fold makes it. */
import type { ControlRecord } from '../../../shared/core/control/control-record.ts';
import { holderValidUntilMs } from '../../../shared/core/lease.ts';
import { follow } from './following.ts';
import { checkToken, lead } from './leading.ts';
import { propose } from './proposals.ts';
import { leaseTimes, type Region } from './region.ts';
import { sealWhenDue } from './sealing.ts';
import { takeOver } from './taking-over.ts';
import type { World } from './world.ts';

export function takeTurn(world: World, region: Region): void {
  if (world.reachesControl(region) && world.tick >= region.slowControlUntil) {
    readControl(world, region);
  }
  if (!region.isReady && world.rules.leftOut !== 'nohello') {
    greet(world, region);
    return;
  }
  const { epoch, primary, prepare } = region.fold.state;
  const isChosen =
    primary === region.id &&
    (!region.isDiverged(region.position) || world.rules.leftOut === 'lineage');
  if (prepare !== null) sealWhenDue(world, region, prepare);
  else if (isChosen && region.leads === epoch) lead(world, region);
  else if (isChosen) takeOver(world, region);
  else if (primary !== null) follow(world, region);
  checkToken(world, region);
  const isUpToDate = world.reachesControl(region) && region.fold.offset === world.topic.length;
  if (isUpToDate && region.fold.state.primary !== null) propose(world, region);
}

function readControl(world: World, region: Region): void {
  const { draw, tick, rules } = world;
  const { fold } = region;
  for (let left = draw.between(0, 4); left > 0; left -= 1) {
    const record = world.topic.at(fold.offset);
    if (record === undefined) continue;
    fold.offset += 1;
    fold.feed(record, tick, rules);
    readBack(region, record);
  }
  if (!draw.happens(0.02)) return;
  const checkpoint = { state: fold.state, offset: fold.offset };
  region.checkpoints = [...region.checkpoints.slice(-1), checkpoint];
}

/** A region that started acts only once its fold is as new as its start. */
function greet(world: World, region: Region): void {
  if (!world.reachesControl(region) || region.isGreeted) return;
  region.isGreeted = true;
  const { id, incarnation } = region;
  world.send(region, { kind: 'hello', region: id, incarnation, maxRules: 1, node: null });
}

function readBack(region: Region, record: ControlRecord): void {
  if (record.kind !== 'hello' && record.kind !== 'renew') return;
  if (record.region !== region.id || record.incarnation !== region.incarnation) return;
  if (record.kind === 'hello') {
    region.isReady = true;
    return;
  }
  const sentAt = region.sentRenewals.get(record.seq);
  if (region.leads !== record.epoch || region.fold.state.prepare !== null) return;
  if (sentAt === undefined) return;
  region.leaseUntil = Math.max(region.leaseUntil, holderValidUntilMs(sentAt, leaseTimes));
}
