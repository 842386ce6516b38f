/**
 * What the replicator of this region is to do now, from the fold and the region's own state.
 * Nothing is remembered but what the state holds, so a restart comes to the same answer.
 */
import type { ReplicationDirective } from '../../../shared/core/cluster-view.ts';
import { publicationOf, type Epoch } from '../../../shared/core/epoch.ts';
import type { ControllerState } from './controller-state.ts';
import { hasVainParts } from './opening/ready-ahead.ts';
import { arePartsReady, walsenderName } from './promotion-plan.ts';
import { sealDuty } from './seal-plan.ts';
import { seedSource } from './node-plan.ts';
import {
  currentPromotion,
  hasHistory,
  isChosen,
  isDiverged,
  isNodeOpen,
  isOpener,
  openingObstacle,
  ownDatabase,
  ownPosition,
  owesTail,
} from './situation.ts';

/** The directive that the view publishes. */
export function directiveOf(state: ControllerState): ReplicationDirective {
  const { fold, config, database } = state;
  if (state.kind === 'halted') return idle(state.why);
  if (state.kind !== 'running') return idle('the own hello has not been read back');
  const own = ownDatabase(state);
  if (own === null) {
    const isForeign = database !== null && database.fence.region !== config.region;
    return idle(isForeign ? 'the base backup is not adopted yet' : 'the database does not answer');
  }
  if (own.fence.incarnation !== config.incarnation) return idle('the node is not taken yet');
  if (fold.prepare !== null) return underPrepare(state);
  if (fold.epoch === 0) return idle('no epoch has begun');
  if (!hasHistory(state)) return seed(state);
  if (owesTail(state)) return ownTail(state);
  return isChosen(state) ? asPrimary(state) : asReplica(state);
}

function idle(why: string): ReplicationDirective {
  return { kind: 'idle', why };
}

function underPrepare(state: ControllerState): ReplicationDirective {
  const { prepare, epoch } = state.fold;
  const duty = sealDuty(state);
  if (prepare === null) return idle('no prepare is open');
  if (duty === 'seal') {
    if (state.seal === null || state.seal.walEnd === null) {
      // The fence comes first: nothing is applied or acknowledged behind it.
      return keepLeading(state) ?? idle('the seal is being raised');
    }
    const { ownEpoch, walEnd } = state.seal;
    const sealEpoch = prepare.epoch;
    if (ownEpoch === null) {
      return { kind: 'complete', epoch, sealEpoch, isOpener: false, walEnd: null };
    }
    return { kind: 'complete', epoch: ownEpoch, sealEpoch, isOpener: true, walEnd };
  }
  if (duty === 'drain') return keepLeading(state) ?? idle('draining without an open epoch');
  if (!hasHistory(state)) return seed(state);
  if (owesTail(state)) return ownTail(state);
  // Switchover: the others still apply and acknowledge, so that the old primary can drain.
  return isChosen(state) ? idle('a change of primary is under way') : asReplica(state);
}

/** The directive lead of the folded epoch, while this region was leading; else null. */
function keepLeading(state: ControllerState): ReplicationDirective | null {
  const { replication } = state;
  const directive = replication?.directive;
  const isLeading = directive?.kind === 'lead' && directive.epoch === state.fold.epoch;
  return isLeading ? directive : null;
}

/** The directive complete of a replica, once it is done for the folded epoch; else null. */
function keepCompleted({ replication, fold }: ControllerState): ReplicationDirective | null {
  const directive = replication?.directive;
  if (directive?.kind !== 'complete' || directive.isOpener) return null;
  const isDone = directive.sealEpoch === fold.epoch && replication?.phase === 'done';
  return isDone ? directive : null;
}

function seed(state: ControllerState): ReplicationDirective {
  const position = ownDatabase(state)?.progress?.position ?? null;
  if (position === null) return idle('the node has no position yet');
  const { replication } = state;
  const underWay = replication?.directive;
  // A seed that runs goes on with its source; a new one takes the fittest.
  const isSame =
    underWay?.kind === 'seed' &&
    underWay.epoch === position.epoch &&
    underWay.recoveredTo === position.endLsn;
  if (isSame && replication?.phase !== 'failed') return underWay;
  const source = seedSource(state);
  if (source === null) return idle('no region is fit to copy the log from');
  return {
    kind: 'seed',
    source: source.region,
    epoch: position.epoch,
    position: null,
    recoveredTo: position.endLsn,
  };
}

function ownTail(state: ControllerState): ReplicationDirective {
  if (state.tail === null) return idle('the node is being closed, then its tail is judged');
  const { ownEpoch, walEnd } = state.tail;
  const { epoch: sealEpoch } = state.fold;
  return { kind: 'complete', epoch: ownEpoch, sealEpoch, isOpener: true, walEnd };
}

function asPrimary(state: ControllerState): ReplicationDirective {
  const { fold } = state;
  const promotion = currentPromotion(state);
  const database = ownDatabase(state);
  const obstacle = openingObstacle(state);
  if (promotion === null || database === null) return idle('there is nothing to lead');
  if (obstacle !== null) return idle(obstacle);
  const hasCut = isOpener(state) || state.opening?.hasCut === true;
  if (!hasCut || !(isOpener(state) || arePartsReady(state))) {
    const { source, cut } = promotion;
    // Its log was completed for the seal: where that reaches the cut nothing is left to do.
    const completed = hasCut ? keepCompleted(state) : null;
    return completed ?? { kind: 'catch-up', epoch: fold.epoch, source, cut };
  }
  return {
    kind: 'lead',
    epoch: fold.epoch,
    cut: promotion.cut,
    timeline: database.timeline,
    slot: publicationOf(fold.epoch),
    publication: publicationOf(fold.epoch),
    walsenderName: walsenderName(state),
    isOpen: isNodeOpen(state),
  };
}

function asReplica(state: ControllerState): ReplicationDirective {
  const { primary, epoch } = state.fold;
  if (primary === null) return idle('there is no primary');
  if ((ownDatabase(state)?.fence.sealedEpoch ?? 0) > epoch) {
    return idle('it sealed for a newer epoch than it has read');
  }
  const position = ownPosition(state);
  if (state.role === 'quarantined' || (position !== null && isDiverged(state, position))) {
    return idle('its history goes on beyond a cut');
  }
  if (hasVainParts(state)) return idle('what it made for its own promotion is dropped first');
  if (position === null && !isFollowing(state, epoch)) return idle('its position is being read');
  return { kind: 'follow', epoch, source: primary };
}

function isFollowing({ replication }: ControllerState, epoch: Epoch): boolean {
  const directive = replication?.directive;
  return directive?.kind === 'follow' && directive.epoch === epoch;
}
