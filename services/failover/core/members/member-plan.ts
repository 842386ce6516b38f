/**
 * Who belongs to the members of the epoch (DESIGN.md section 5, "Members and K"). Added: a region
 * that has applied epoch-start. Removed: first no longer counted, then, when Kf others hold all
 * that may have been confirmed, the record. The fold decides by compare-and-set.
 */
import type { ControlRecord } from '../../../../shared/core/control/control-record.ts';
import type { Member } from '../../../../shared/core/control/control-state.ts';
import {
  isAtOrPast,
  laterPosition,
  zeroPosition,
  type Position,
} from '../../../../shared/core/position.ts';
import { kthHighest } from '../../../../shared/core/quorum.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import type { PeerStatus, ReplicationReport } from '../../../../shared/core/replication-report.ts';
import type { ControllerState } from '../controller-state.ts';
import { hasLease, isChosen, reportOf } from '../situation.ts';

export type MemberDecision =
  | { readonly kind: 'keep' }
  | { readonly kind: 'append'; readonly record: ControlRecord; readonly why: string }
  /** No longer count `region`; the record follows when the others hold everything. */
  | { readonly kind: 'startRemoving'; readonly region: RegionId; readonly why: string }
  | { readonly kind: 'stopRemoving' };

/** The members whose acknowledgements count: without the one that is being removed. */
export function countedMembers(state: ControllerState): readonly Member[] {
  return state.fold.members.filter((member) => member.region !== state.removing?.region);
}

/** The replicator's report while this region has opened the folded epoch; null before. */
export function leadingReport(state: ControllerState): ReplicationReport | null {
  return state.tenure?.epoch === state.fold.epoch ? beginningReport(state) : null;
}

/** The replicator's report once the folded epoch has begun in this region's log; null before. */
function beginningReport(state: ControllerState): ReplicationReport | null {
  const report = reportOf(state, 'lead');
  const hasBegun =
    state.kind === 'running' &&
    isChosen(state) &&
    state.fold.prepare === null &&
    report?.phase === 'running' &&
    report.opened?.epoch === state.fold.epoch;
  return hasBegun ? report : null;
}

/** What to do about the members now. */
export function decideMembers(state: ControllerState): MemberDecision {
  const report = beginningReport(state);
  if (report === null) return { kind: 'keep' };
  // Members join while the region opens: there is nothing yet that they could confirm.
  const added = state.removing === null ? addition(state, report.peers) : null;
  if (added !== null) return added;
  if (leadingReport(state) === null) return { kind: 'keep' };
  if (state.removing !== null) return goOnRemoving(state, state.removing.region);
  return removal(state, report.peers) ?? { kind: 'keep' };
}

function addition(state: ControllerState, peers: readonly PeerStatus[]): MemberDecision | null {
  const { fold, nowMs, config } = state;
  const joining = peers.find(
    (peer) =>
      !fold.members.some((member) => member.region === peer.region) &&
      fold.policy?.regions.includes(peer.region) === true &&
      peer.region !== fold.primary &&
      peer.isConnected &&
      peer.applied?.epoch === fold.epoch &&
      nowMs - peer.heardAtMs < config.memberTimeoutMs,
  );
  if (joining === undefined || joining.store === null) return null;
  const { region, store } = joining;
  const { epoch, version } = fold;
  return {
    kind: 'append',
    record: { kind: 'member', epoch, version, action: 'add', region, store },
    why: `${region} has applied the start of epoch ${epoch}`,
  };
}

function removal(state: ControllerState, peers: readonly PeerStatus[]): MemberDecision | null {
  const { fold, nowMs, config } = state;
  if (fold.members.length <= fold.kLow || !hasLease(state)) return null;
  for (const member of fold.members) {
    const peer = peers.find((one) => one.region === member.region);
    const silentMs = nowMs - Math.max(peer?.heardAtMs ?? -Infinity, state.tenure?.openedAtMs ?? 0);
    if (silentMs > config.memberTimeoutMs) {
      const why = `${member.region} has been silent for ${Math.round(silentMs)} ms`;
      return { kind: 'startRemoving', region: member.region, why };
    }
    if (peer !== undefined && peer.store !== null && peer.store !== member.store) {
      const why = `${member.region} has another log than the one that is a member`;
      return { kind: 'startRemoving', region: member.region, why };
    }
  }
  return null;
}

function goOnRemoving(state: ControllerState, region: RegionId): MemberDecision {
  const { fold, nowMs, config } = state;
  const member = fold.members.find((one) => one.region === region);
  const report = reportOf(state, 'lead');
  if (member === undefined || report === null) return { kind: 'stopRemoving' };
  const peer = report.peers.find((one) => one.region === region);
  const isBack =
    peer !== undefined &&
    peer.store === member.store &&
    nowMs - peer.heardAtMs < config.memberTimeoutMs / 2;
  if (isBack && state.removing?.isSent === false) return { kind: 'stopRemoving' };
  // Invariant: what was confirmed while the member counted is in `confirmed` of this report.
  if (report.countedMembers.some((counted) => counted.region === region)) return { kind: 'keep' };
  const mayBeConfirmed = confirmedAtMost(state, report.confirmed);
  const others = countedMembers(state).map((one) => appliedOf(report.peers, one));
  const held = kthHighest(others, fold.kLow);
  if (mayBeConfirmed === null || held === null || !isAtOrPast(held, mayBeConfirmed)) {
    return { kind: 'keep' };
  }
  const { epoch, version } = fold;
  const { store } = member;
  return {
    kind: 'append',
    record: { kind: 'member', epoch, version, action: 'remove', region, store },
    why: `${fold.kLow} other member(s) hold everything that may have been confirmed`,
  };
}

/** At or past everything that may have been confirmed in this epoch; null when not known. */
function confirmedAtMost(state: ControllerState, confirmed: Position | null): Position | null {
  const { tenure } = state;
  if (tenure === null) return null;
  if (confirmed === null) return tenure.bound;
  return laterPosition(confirmed, tenure.bound ?? zeroPosition);
}

function appliedOf(peers: readonly PeerStatus[], member: Member): Position {
  const peer = peers.find((one) => one.region === member.region && one.store === member.store);
  return peer?.applied ?? zeroPosition;
}
