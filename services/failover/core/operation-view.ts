/** What a person sees of an operation, derived from the fold and from what was seen. */
import { judgePrepare } from '../../../shared/core/control/control-promotion.ts';
import type { OperationLabel } from '../../../shared/core/control/control-record.ts';
import type { OpenPrepare, Promotion } from '../../../shared/core/control/control-state.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { ControllerState } from './controller-state.ts';
import { isPeerLive } from './situation.ts';

export interface OperationView {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
  /** Wall-clock time at which it was asked for. */
  readonly askedAtMs: number;
  readonly phase: 'waiting-for-seals' | 'opening' | 'done' | 'replaced' | 'unknown';
  readonly percent: number;
  readonly epoch: number | null;
  readonly to: RegionId | null;
  readonly steps: readonly {
    readonly step: string;
    readonly detail: string;
    readonly atMs: number;
  }[];
  /** What came of it, or what it waits for, in words. */
  readonly result: string | null;
}

/** The operation `id` as this region knows it; null when no record names it. */
export function operationView(state: ControllerState, id: string): OperationView | null {
  const { fold, asked } = state;
  if (fold.prepare?.operation?.id === id)
    return underWay(state, fold.prepare, fold.prepare.operation);
  const promotion = fold.history.findLast((one) => one.operation?.id === id);
  const promotedLabel = promotion?.operation ?? null;
  if (promotion !== undefined && promotedLabel !== null) {
    return promoted(state, promotion, promotedLabel);
  }
  if (fold.pause?.operation?.id === id) {
    const { durationMs, operation } = fold.pause;
    const result = durationMs === 0 ? 'automatic failover is on' : `paused for ${durationMs} ms`;
    return {
      ...base(state, operation),
      phase: 'done',
      percent: 100,
      epoch: null,
      to: null,
      result,
    };
  }
  if (asked?.operationId !== id) return null;
  const label = 'operation' in asked.record ? asked.record.operation : null;
  if (label === null) return null;
  const result = 'the record is being written to the control log';
  return { ...base(state, label), phase: 'unknown', percent: 5, epoch: null, to: null, result };
}

function base(
  state: ControllerState,
  label: OperationLabel,
): Pick<OperationView, 'id' | 'by' | 'reason' | 'askedAtMs' | 'steps'> {
  const steps = state.steps
    .filter((one) => one.operationId === label.id)
    .map(({ step, detail, atMs }) => ({ step, detail, atMs }));
  return { id: label.id, by: label.by, reason: label.reason, askedAtMs: label.atMs, steps };
}

function underWay(
  state: ControllerState,
  prepare: OpenPrepare,
  label: OperationLabel,
): OperationView {
  const { policy } = state.fold;
  const verdict = policy === null ? null : judgePrepare(state.fold, prepare, policy);
  const percent = Math.min(60, 20 + 20 * prepare.seals.length);
  const result = verdict?.kind === 'waiting' ? verdict.why : null;
  const { epoch, preferred: to } = prepare;
  return { ...base(state, label), phase: 'waiting-for-seals', percent, epoch, to, result };
}

function promoted(
  state: ControllerState,
  promotion: Promotion,
  label: OperationLabel,
): OperationView {
  const { fold } = state;
  const { epoch, to } = promotion;
  const common = { ...base(state, label), epoch, to };
  if (fold.epoch > epoch || hasOpened(state, promotion)) {
    return { ...common, phase: 'done', percent: 100, result: promotion.why };
  }
  if (fold.prepare !== null) {
    const result = 'another change of primary followed before it opened';
    return { ...common, phase: 'replaced', percent: 100, result };
  }
  const result = `${to} catches up, prepares and opens epoch ${epoch}`;
  return { ...common, phase: 'opening', percent: 75, result };
}

/** Whether the promoted region is known to have opened: by its report, or by a renewal read. */
function hasOpened(state: ControllerState, promotion: Promotion): boolean {
  const { config, fold, tenure, peers, read } = state;
  if (fold.epoch !== promotion.epoch) return false;
  if (promotion.to === config.region) return tenure?.epoch === promotion.epoch;
  const report = peers.find((peer) => peer.report.id === promotion.to)?.report;
  const isReported = report?.role === 'primary' && report.epoch === promotion.epoch;
  const isRenewed = read.leaseReadAtMs > read.promotedAtMs;
  return isRenewed || (isReported && isPeerLive(state, promotion.to));
}
