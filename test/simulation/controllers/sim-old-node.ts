/** What a controller does with the node that its standby took the place of. */
import type { Effect } from '../../../services/failover/core/controller-effect.ts';
import type { EffectResult } from '../../../services/failover/core/controller-input.ts';
import { isWithinCuts } from '../../../shared/core/consistency.ts';
import type { SimNode } from './sim-node.ts';
import type { SimRegion } from './sim-region.ts';
import { isPast, Violation, type Transaction } from './transaction.ts';

const done: EffectResult = { kind: 'none' };

/** Starts it isolated. */
export function startOld({ old, standby }: SimNode): EffectResult | string {
  if (standby !== 'stale' || old === null) return 'not data of that mode';
  if (old.isBroken) return 'its disk is gone';
  old.isRunning = true;
  return done;
}

/** Looks at it, or lists what it alone holds at the open node. */
export function performOnOld(
  region: SimRegion,
  effect: Extract<Effect, { kind: 'lookAtNode' | 'listNodeTail' }>,
): EffectResult | string {
  const { node, world } = region;
  const { old } = node;
  const isThere = old?.isRunning === true && effect.node === node.standbyId;
  if (effect.kind === 'lookAtNode') {
    return isThere ? { kind: 'nodeLooked', facts: old.facts } : 'the old node does not answer';
  }
  const target = world.region(effect.target.region);
  const isLinked = target === region || world.isLinked(region, target);
  if (!isLinked || !target.node.isRunning) return 'no connection';
  if (target.node.fence.openEpoch === null) return 'the node is not open';
  const { epoch, own, after, mayBeConfirmed } = effect;
  const isListed = after !== null;
  if (isListed && !isThere) return 'the old node does not answer';
  const isOwn = ({ id, position }: Transaction): boolean =>
    id !== 0 && after !== null && position.epoch === own && isPast(position, after);
  const tail = isListed && isThere ? old.db.filter(isOwn) : [];
  region.listedOld = { isWhole: isListed, txns: new Set(tail.map(({ id }) => id)) };
  world.totals.count('tails of old nodes');
  const counts = { transactions: tail.length, rows: tail.length };
  return { kind: 'nodeTailListed', node: effect.node, epoch, ...counts, mayBeConfirmed, isListed };
}

/** Invariant "nothing is lost silently": what an old node alone held is listed before it goes. */
export function checkOldListed({ node, listedOld, listed, state }: SimRegion): void {
  const { old } = node;
  if (old === null || old.isBroken) return;
  const { epoch, history } = state.fold;
  if (old.facts.fence.lastOpenedEpoch === epoch && epoch > 0) {
    throw new Violation('an old node is replaced before its epoch has ended');
  }
  const isLost = ({ id, position }: Transaction): boolean =>
    id !== 0 &&
    position.epoch === old.facts.fence.lastOpenedEpoch &&
    !isWithinCuts(position, epoch, history) &&
    listedOld?.txns.has(id) !== true &&
    !listed.txns.has(id);
  if (old.db.some(isLost)) {
    throw new Violation('what an old node alone held is replaced before it was listed');
  }
}
