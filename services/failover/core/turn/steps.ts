/**
 * The steps of a change of primary as this region saw them, and delays of the control log: kept for
 * operations and `history`, and said to the log when they happen.
 */
import type { PrepareRecord } from '../../../../shared/core/control/control-record.ts';
import type { EffectBody } from '../controller-effect.ts';
import type { ControllerState, StepSeen } from '../controller-state.ts';
import { isLeaseOver } from '../lease-keeper.ts';
import { isChosen, ownDatabase } from '../situation.ts';

const stepsKept = 200;
/** Renewals that come so many intervals late tell of a stalled control log. */
const lateIntervals = 3;

/** Notes a step of the change of primary under way, for operations and `history`. */
export function addStep(state: ControllerState, step: string, detail: string): ControllerState {
  const label = state.fold.prepare ?? state.fold.history.at(-1) ?? null;
  const epoch = label?.epoch ?? state.fold.epoch;
  return withStep(state, { epoch, operationId: label?.operation?.id ?? null, step, detail });
}

function withStep(state: ControllerState, step: Omit<StepSeen, 'atMs'>): ControllerState {
  const seen = { ...step, atMs: state.wallMs };
  return { ...state, steps: [...state.steps, seen].slice(-stepsKept) };
}

/** Notes that this region asks for a change of primary; it may be asked for again. */
export function prepareSent(state: ControllerState, record: PrepareRecord): ControllerState {
  const { epoch, attempt, operation } = record;
  const isKnown = state.steps.some((one) => one.step === 'prepare sent' && one.epoch === epoch);
  if (isKnown || attempt > 1) return state;
  const operationId = operation?.id ?? null;
  const detail = operation?.reason ?? '';
  return withStep(state, { epoch, operationId, step: 'prepare sent', detail });
}

/** Notes the steps that nothing but the passing of time or the replicator's work brings. */
export function trackSteps(before: ControllerState, state: ControllerState): ControllerState {
  if (state.kind !== 'running' || !isChosen(state) || state.fold.prepare !== null) return state;
  const isSameEpoch = before.fold.epoch === state.fold.epoch && before.fold.prepare === null;
  const was = (of: (state: ControllerState) => boolean): boolean => isSameEpoch && of(before);
  const milestones = [
    ['caught up', hasCaughtUp],
    ['old lease over', isLeaseOver],
    ['epoch begun in the log', hasBegun],
  ] as const;
  // A node that opened the epoch before goes through none of them again.
  if (ownDatabase(before)?.fence.lastOpenedEpoch === state.fold.epoch) return state;
  return milestones.reduce(
    (current, [step, isReached]) =>
      isReached(state) && !was(isReached) ? addStep(current, step, '') : current,
    state,
  );
}

/** What is new since `before`, in words. */
export function explainSteps(
  before: ControllerState,
  state: ControllerState,
): readonly EffectBody[] {
  return [...newSteps(before, state), ...lateRenewal(before, state)];
}

function newSteps(before: ControllerState, state: ControllerState): readonly EffectBody[] {
  if (before.steps === state.steps) return [];
  return state.steps
    .filter((one) => !before.steps.includes(one))
    .map(({ epoch, step, detail }) => ({
      kind: 'explain',
      level: 'info',
      message: 'change of primary',
      facts: { epoch, step, detail },
    }));
}

function lateRenewal(before: ControllerState, state: ControllerState): readonly EffectBody[] {
  const silentMs = Math.round(state.read.renewalReadAtMs - before.read.renewalReadAtMs);
  const isRenewal = state.kind === 'running' && before.fold.epoch === state.fold.epoch;
  if (!isRenewal || silentMs < lateIntervals * state.config.renewIntervalMs) return [];
  const until = before.lease.validUntilMs;
  const leftMs = until === null ? null : Math.round(until - state.nowMs);
  const facts = { silentMs, leftMs };
  return [{ kind: 'explain', level: 'info', message: 'a renewal of the lease came late', facts }];
}

function hasCaughtUp(state: ControllerState): boolean {
  return state.opening?.epoch === state.fold.epoch && state.opening.hasCut;
}

function hasBegun({ replication, fold }: ControllerState): boolean {
  return replication?.directive.kind === 'lead' && replication.opened?.epoch === fold.epoch;
}
