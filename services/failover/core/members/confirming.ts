/**
 * Whether K members confirm, and what to do when they do not (DESIGN.md section 4,
 * `whenUnconfirmed`): after a while a degrade record lowers K, so that a COMMIT waits for as many
 * as can confirm; when the policy's K have caught up, another one raises it again. A degrade
 * changes only what a COMMIT waits for: replies say so, and seals count with the epoch's lowest K.
 */
import type { DegradeRecord } from '../../../../shared/core/control/control-record.ts';
import { comparePositions, isAtOrPast, type Position } from '../../../../shared/core/position.ts';
import { kthHighest } from '../../../../shared/core/quorum.ts';
import type { ReplicationReport } from '../../../../shared/core/replication-report.ts';
import type { ControllerState } from '../controller-state.ts';
import { hasLease } from '../situation.ts';
import { countedMembers, leadingReport } from './member-plan.ts';

export interface Confirming {
  /** What K members held when that last moved. */
  readonly held: Position | null;
  /** Since when it stands still although the own log has more, or there are fewer than K. */
  readonly sinceMs: number;
  /** The own log's end when the policy's K members were there again; null: they are not. */
  readonly target: Position | null;
}

export interface KDecision {
  readonly record: DegradeRecord;
  readonly why: string;
}

/** Keeps how long K members have confirmed nothing; null while this region does not lead. */
export function trackConfirming(state: ControllerState): ControllerState {
  const report = leadingReport(state);
  if (report === null) return state.confirming === null ? state : { ...state, confirming: null };
  const { fold, nowMs, confirming: before } = state;
  const able = positionsOf(state, report);
  const held = fold.k < 1 ? report.logEnd : kthHighest(able, fold.k);
  const isMoving =
    held !== null &&
    (isAtOrPast(held, report.logEnd) || before === null || isBeyond(held, before.held));
  const isBack = fold.k < policyK(state) && kthHighest(able, policyK(state)) !== null;
  const confirming: Confirming = {
    held: held ?? before?.held ?? null,
    sinceMs: isMoving ? nowMs : (before?.sinceMs ?? nowMs),
    target: isBack ? (before?.target ?? report.logEnd) : null,
  };
  return { ...state, confirming };
}

/** The record that changes K now; null when it stays. */
export function decideK(state: ControllerState): KDecision | null {
  const report = leadingReport(state);
  const { confirming } = state;
  if (report === null || confirming === null) return null;
  return raise(state, report, confirming) ?? lower(state, report, confirming);
}

function raise(
  state: ControllerState,
  report: ReplicationReport,
  { target }: Confirming,
): KDecision | null {
  const k = policyK(state);
  const all = kthHighest(positionsOf(state, report), k);
  if (target === null || all === null || !isAtOrPast(all, target)) return null;
  return { record: degradeTo(k, state.fold), why: `${k} member(s) have caught up` };
}

function lower(
  state: ControllerState,
  report: ReplicationReport,
  { held, sinceMs }: Confirming,
): KDecision | null {
  const { fold, nowMs, config } = state;
  const silentMs = nowMs - sinceMs;
  if (config.degradeAfterMs === null || fold.k < 1 || !hasLease(state)) return null;
  if (silentMs < config.degradeAfterMs) return null;
  const able = positionsOf(state, report).filter(
    (position) => isAtOrPast(position, report.logEnd) || isBeyond(position, held),
  );
  const k = Math.min(fold.k - 1, able.length);
  const why = `fewer than ${fold.k} member(s) have confirmed for ${Math.round(silentMs)} ms`;
  return { record: degradeTo(k, fold), why };
}

function degradeTo(k: number, { epoch, version }: ControllerState['fold']): DegradeRecord {
  return { kind: 'degrade', epoch, version, k };
}

/** What the members hold that count, are connected and were heard lately. */
function positionsOf(state: ControllerState, report: ReplicationReport): readonly Position[] {
  const { nowMs, config } = state;
  return countedMembers(state).flatMap(({ region, store }) => {
    const peer = report.peers.find((one) => one.region === region && one.store === store);
    const isHeard = peer?.isConnected === true && nowMs - peer.heardAtMs < config.memberTimeoutMs;
    return isHeard && peer.applied !== null ? [peer.applied] : [];
  });
}

function policyK({ fold }: ControllerState): number {
  return fold.policy?.k ?? 0;
}

function isBeyond(a: Position, b: Position | null): boolean {
  return b === null || comparePositions(a, b) > 0;
}
