/** Performs one effect of a controller on the simulated region: its result, or why it failed. */
import type { Effect } from '../../../services/failover/core/controller-effect.ts';
import type { EffectResult } from '../../../services/failover/core/controller-input.ts';
import { isWithinCuts } from '../../../shared/core/consistency.ts';
import { isAtOrPast, type Position } from '../../../shared/core/position.ts';
import { checkOldListed, performOnOld, startOld } from './sim-old-node.ts';
import type { SimRegion } from './sim-region.ts';
import {
  isPast,
  nextAfter,
  positionOf,
  startOf,
  Violation,
  type Transaction,
} from './transaction.ts';

const done: EffectResult = { kind: 'none' };

/** Lanes log, control and node here; those on the database in `performOnDatabase`. */
export function performEffect(region: SimRegion, effect: Effect): EffectResult | string {
  const { node, world } = region;
  switch (effect.kind) {
    case 'appendControl':
      world.announce(region, effect.record);
      return world.append(region, effect.record) ? done : 'the control log does not answer';
    case 'findCheckpoint': {
      const own = node.isRunning && node.fence.region === region.id ? node.checkpoint : null;
      region.post({ kind: 'checkpointFound', checkpoint: own });
      return done;
    }
    case 'readControl':
      region.offset = Number(effect.from);
      region.isReading = true;
      return done;
    case 'listTail':
      return listTail(region, effect);
    case 'lookAtNode':
    case 'listNodeTail':
      return performOnOld(region, effect);
    case 'initialiseNode':
      node.initialise(effect.node);
      return done;
    case 'seedRegionNode': {
      const source = world.region(effect.source);
      if (!world.isLinked(region, source) || !source.node.isRunning) return 'no connection';
      if (source.node.progress?.store === '') return 'the source is being seeded itself';
      node.copyFrom(source.node, effect.node);
      return done;
    }
    case 'seedStandby':
      if (!node.isRunning || effect.primary !== node.id) return 'no connection';
      node.standby = 'ready';
      return done;
    case 'promoteNode': {
      if (node.standby !== 'ready' || effect.node !== node.standbyId) return 'no standby';
      const { draw } = world;
      const lag = Math.min(node.db.length, node.standbyLag ?? draw.between(0, 3));
      const forgets = { seal: draw.happens(0.3), slot: draw.happens(0.03), old: draw.happens(0.1) };
      // What only the lost node held and no slot yields may be what somebody needs.
      if (forgets.slot) world.faults.hasDestroyed = true;
      node.promote(lag, forgets);
      return done;
    }
    case 'startNode':
      if (effect.node !== node.id) {
        if (effect.mode === 'isolated') return startOld(node);
        const isFit = effect.mode === 'standby' && node.standby === 'ready';
        return isFit ? done : 'not data of that mode';
      }
      if (node.isLost) return done;
      if (node.data !== 'ready') return 'no data';
      if (!node.isRunning) node.restart();
      return done;
    case 'stopNode':
      node.isRunning = false;
      return done;
    case 'setAside':
      if (effect.node !== node.id) {
        if (node.standby === 'stale') checkOldListed(region);
        node.standby = 'none';
        node.old = null;
        region.listedOld = null;
        return done;
      }
      checkListed(region);
      node.wipe();
      // What is set aside is kept; the log begins anew with the seed.
      world.totals.count('diverged regions');
      return done;
    default:
      return node.isRunning ? performOnDatabase(region, effect) : 'the database does not answer';
  }
}

/** Rows are listed where history goes on: at a node that is open. */
function listTail(
  region: SimRegion,
  effect: Extract<Effect, { kind: 'listTail' }>,
): EffectResult | string {
  const { world, log } = region;
  const target = world.region(effect.target.region);
  if (!world.isLinked(region, target) || !target.node.isRunning) return 'no connection';
  if (target.node.fence.openEpoch === null) return 'the node is not open';
  const { after } = effect;
  const tail = after === null ? [] : log.txns.filter((txn) => isPast(txn.position, after));
  const isListed = effect.upTo !== null && isAtOrPast(log.end(), effect.upTo);
  region.listed = { isWhole: isListed, txns: new Set(tail.map((txn) => txn.id)) };
  return { kind: 'tailListed', transactions: tail.length, rows: tail.length, isListed };
}

/** Invariant "nothing is lost silently": a diverged tail is listed before it is replaced. */
function checkListed(region: SimRegion): void {
  const { node, listed, state } = region;
  const { epoch, history } = state.fold;
  const isLost = (txn: Transaction): boolean =>
    txn.id !== 0 && !isWithinCuts(txn.position, epoch, history) && !listed.txns.has(txn.id);
  if (listed.isWhole && state.role === 'quarantined' && node.db.some(isLost)) {
    throw new Violation('a diverged tail is replaced before it was listed');
  }
}

function performOnDatabase(region: SimRegion, effect: Effect): EffectResult | string {
  const { node, world, log } = region;
  switch (effect.kind) {
    case 'adoptSeed':
      node.adopt(region.id, effect.recoveredTo);
      return done;
    case 'takeNode':
      node.fence = { ...node.fence, region: effect.region, incarnation: effect.incarnation };
      return done;
    case 'drainNode':
      node.fence = { ...node.fence, openEpoch: null };
      return done;
    case 'sealNode': {
      noteDrained(region);
      const sealedEpoch = Math.max(node.fence.sealedEpoch, effect.epoch);
      node.fence = { ...node.fence, openEpoch: null, sealedEpoch };
      node.waiting = [];
      return { kind: 'sealed', walEnd: node.walEnd() };
    }
    case 'closeNode':
      node.fence = { ...node.fence, openEpoch: null };
      node.waiting = [];
      node.names = 'meridian_closed';
      return done;
    case 'createPublicationAndSlot':
      if (node.waiting.length > 0) return 'a COMMIT is waiting';
      node.slots = [`meridian_${effect.epoch}`];
      return done;
    case 'dropPublicationsAndSlots':
      node.slots = [];
      return done;
    case 'raiseSequences':
      return done;
    case 'setSynchronousStandbyNames':
      node.names = effect.value;
      return done;
    case 'probeCommit': {
      const { directive, phase } = region.replicator;
      const isGated = directive.kind === 'lead' && directive.walsenderName === node.names;
      if (!isGated || phase !== 'running') return 'the probe was not released';
      log.appendFrom(node.db, Infinity);
      return { kind: 'probed', logEnd: log.end() };
    }
    case 'openNode':
      return openNode(region, effect);
    case 'setProgress':
      node.progress = { position: effect.position, store: node.progress?.store ?? '' };
      node.fence = { ...node.fence, lastOpenedEpoch: 0 };
      if (!isAtOrPast(effect.position, node.position())) {
        throw new Violation('an old primary goes on from before its own end');
      }
      return done;
    case 'writeCheckpoint':
      if (!world.draw.happens(0.3)) node.checkpoint = effect.checkpoint;
      return done;
    default:
      return `not simulated: ${effect.kind}`;
  }
}

/** A switchover whose old primary has let every waiting COMMIT end before it seals. */
function noteDrained({ node, state, world, id }: SimRegion): void {
  const { prepare } = state.fold;
  const isOld = prepare?.change === 'switchover' && prepare.oldPrimary === id;
  if (isOld && node.waiting.length === 0) world.totals.count('drained switchovers');
}

function openNode(
  region: SimRegion,
  effect: Extract<Effect, { kind: 'openNode' }>,
): EffectResult | string {
  const { node, world } = region;
  const { epoch, timeline, serverStart, checkpointerStart } = effect;
  if (node.fence.sealedEpoch > epoch) return 'sealed for a newer epoch';
  if (node.serverStart() !== serverStart) return 'another start';
  const start = positionOf(epoch, 0);
  if (node.fence.lastOpenedEpoch !== epoch) {
    node.progress = { position: start, store: node.progress?.store ?? '' };
    if (!isAtOrPast(node.position(), start)) startEpoch(region, start);
    world.noteOpened(region, epoch);
  }
  node.fence = {
    ...node.fence,
    openEpoch: epoch,
    openedStart: serverStart,
    openedCheckpointer: checkpointerStart,
    lastOpenedEpoch: epoch,
    lastOpenedTimeline: timeline,
  };
  return done;
}

/** The start of the epoch and of those before it that were logged and never opened. */
function startEpoch(region: SimRegion, start: Position): void {
  const { node, log } = region;
  for (;;) {
    const txn = nextAfter(log.txns, node.position());
    if (txn === undefined || !isPast(start, txn.position)) break;
    if (txn.id !== 0) throw new Violation('opened before the own log was applied');
    node.append(txn);
  }
  node.append(startOf(start.epoch));
}
