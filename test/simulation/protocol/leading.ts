/** The open primary: renews, takes writes, releases what members hold, answers strong reads. */
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import { isAtOrPast } from '../../../shared/core/position.ts';
import { beyond } from '../ledger.ts';
import { changeMembers } from './member-changes.ts';
import { isLater, type Region } from './region.ts';
import type { World } from './world.ts';

export function lead(world: World, region: Region): void {
  const { draw, tick } = world;
  const hasControl = world.reachesControl(region);
  if (hasControl && draw.happens(0.3)) renew(world, region);
  if (draw.happens(0.4) && tick < region.leaseUntil) write(world, region);
  if (draw.happens(0.5) && isLater(region.position, region.logEnd)) {
    region.log.push(...beyond(region.database, region.logEnd).slice(0, draw.between(1, 3)));
  }
  release(world, region);
  if (region.strongReadsFrom !== null && region.isHeldByEnough(region.strongReadsFrom)) {
    region.strongReadsFrom = null;
  }
  readStrongly(world, region);
  if (hasControl && draw.happens(0.08)) changeMembers(world, region);
}

/** What the status frames release: semi-sync by the K-th highest member, sync by the lowest. */
export function release(world: World, region: Region): void {
  const { k } = region.fold.state;
  const { write, apply } = world.rules.releasedPositions(region.acknowledged(), k);
  if (isLater(write, region.confirmed)) region.confirmed = write;
  const released = region.waiting.filter(
    ({ mode, position }) => k === 0 || isAtOrPast(mode === 'semi-sync' ? write : apply, position),
  );
  for (const transaction of released) {
    const isHeld = isAtOrPast(
      transaction.mode === 'semi-sync' ? write : apply,
      transaction.position,
    );
    if (isHeld) world.ledger.confirm(transaction);
    // While K is 0 it is released unconfirmed, and the reply says so.
    else transaction.mode = 'async';
  }
  region.waiting = region.waiting.filter((transaction) => !released.includes(transaction));
}

function renew(world: World, region: Region): void {
  region.lastSeq += 1;
  region.sentRenewals.set(region.lastSeq, world.tick);
  const { id, incarnation, lastSeq } = region;
  const { epoch } = region.fold.state;
  world.send(region, { kind: 'renew', epoch, region: id, incarnation, seq: lastSeq });
}

function write(world: World, region: Region): void {
  const endLsn = (region.position.endLsn + 1n) as Lsn;
  const position = { epoch: region.leads as Epoch, endLsn };
  const mode = world.draw.pick(['semi-sync', 'sync', 'async', 'async'] as const);
  const transaction = world.ledger.write(position, mode);
  region.database.push(transaction);
  if (mode === 'async') world.ledger.tokens.push(transaction);
  else region.waiting.push(transaction);
}

/** Three moments: it begins, the database answers, the lease is checked and the reply leaves. */
function readStrongly(world: World, region: Region): void {
  const { draw, tick, ledger } = world;
  const { read } = region;
  if (read === null) {
    if (draw.happens(0.3) && tick < region.leaseUntil) region.read = ledger.beginRead();
    return;
  }
  if (read.rows === null) {
    const rows = new Set(region.database);
    for (const transaction of region.waiting) rows.delete(transaction);
    read.rows = rows;
    return;
  }
  region.read = null;
  const { k, epoch } = region.fold.state;
  const isProtected = region.strongReadsFrom === null;
  if ((!isProtected && k > 0) || tick >= region.leaseUntil) return;
  // While nothing is being confirmed (K is 0) the reply says so: it binds nobody.
  ledger.endRead(read, `${region.id} in epoch ${epoch}`, isProtected && k > 0);
}

/** A token that some client holds is shown to the region: the verdict must be true. */
export function checkToken(world: World, region: Region): void {
  const { draw, ledger, rules } = world;
  if (ledger.tokens.length === 0 || !draw.happens(0.05)) return;
  const token = draw.pick(ledger.tokens);
  const at = region.position;
  const { epoch, history } = region.fold.state;
  if (ledger.isExcused(token) || epoch < at.epoch) return;
  const verdict = rules.judgeToken(token.position, at, history);
  ledger.checkVerdict(token, verdict, { name: region.id, holds: region.database });
}
