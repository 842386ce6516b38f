/** What a person sees of an operation, derived from the fold and from what was seen. */
import { judgePrepare } from '../../../shared/core/control/control-promotion.ts';
import type { OperationLabel } from '../../../shared/core/control/control-record.ts';
import type {
  OpenPrepare,
  OperationNoted,
  Promotion,
} from '../../../shared/core/control/control-state.ts';
import { expiredFromMs } from '../../../shared/core/lease.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import type { ControllerState } from './controller-state.ts';
import { isPeerLive, leaseTimes } from './situation.ts';

/** A note that is not read so long after an opening does not come. */
const noteMs = 3000;

export interface OperationView {
  readonly id: string;
  readonly by: string;
  readonly reason: string;
  /** Wall-clock time at which it was asked for. */
  readonly askedAtMs: number;
  readonly phase: 'waiting-for-seals' | 'opening' | 'done' | 'replaced' | 'refused' | 'unknown';
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
  const noted = fold.operations.findLast((one) => one.operation.id === id);
  if (noted !== undefined) return recorded(state, noted);
  const refused = state.refused.findLast((one) => one.label.id === id);
  if (refused !== undefined) {
    const nothing = { percent: 100, epoch: null, to: null };
    return { ...base(state, refused.label), ...nothing, phase: 'refused', result: refused.why };
  }
  if (asked?.operationId !== id) return null;
  const label = 'operation' in asked.record ? asked.record.operation : null;
  if (label === null) return null;
  const result = 'the record is being written to the control log';
  return { ...base(state, label), phase: 'unknown', percent: 5, epoch: null, to: null, result };
}

/** Ids of every operation that this region knows. */
export function knownOperations({ fold, refused, asked }: ControllerState): readonly string[] {
  const labels = [fold.prepare, ...fold.history, ...fold.operations].map((one) => one?.operation);
  return [
    ...labels.flatMap((label) => label?.id ?? []),
    ...refused.map(({ label }) => label.id),
    ...(asked === null ? [] : [asked.operationId]),
  ];
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

/** A record that is done as soon as it is read. */
function recorded(state: ControllerState, noted: OperationNoted): OperationView {
  const { verb, operation, region } = noted;
  const results = {
    pause: 'automatic failover is paused',
    resume: 'automatic failover is on',
    drain: `${region} takes no traffic of its own`,
    undrain: `${region} takes traffic again`,
    'add-region': `${region} is a region of the policy: it may become a member`,
    'remove-region': `${region} is no region of the policy any more`,
    revoke: 'no region that has read it accepts the token any more',
    discard: `what ${region} held beyond the cut is deleted`,
    switchover: 'its change of primary is history that is not kept here any more',
    failover: 'its change of primary is history that is not kept here any more',
  } as const;
  const done = { phase: 'done', percent: 100, epoch: noted.epoch, to: region } as const;
  return { ...base(state, operation), ...done, result: results[verb] };
}

function underWay(
  state: ControllerState,
  prepare: OpenPrepare,
  label: OperationLabel,
): OperationView {
  const percent = Math.min(60, 20 + 20 * prepare.seals.length);
  const result = whatIsMissing(state);
  const { epoch, preferred: to } = prepare;
  return { ...base(state, label), phase: 'waiting-for-seals', percent, epoch, to, result };
}

/** What the open prepare waits for, in words; null when there is none. */
export function whatIsMissing({ fold }: ControllerState): string | null {
  const { policy, prepare } = fold;
  if (policy === null || prepare === null) return null;
  const verdict = judgePrepare(fold, prepare, policy);
  return verdict.kind === 'waiting' ? verdict.why : null;
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

/**
 * Whether the promoted region is known to have opened: by its note, which tells the pause too, else
 * by what shows for longer than a note takes.
 */
function hasOpened(state: ControllerState, promotion: Promotion): boolean {
  if (isNotedOpen(state, promotion)) return true;
  const { config, tenure, read, nowMs } = state;
  const sinceMs =
    promotion.to === config.region ? (tenure?.openedAtMs ?? nowMs) : read.promotedAtMs;
  return isSeenOpen(state, promotion) && nowMs - sinceMs > noteMs;
}

/** The last promotion while its region may still open under it; null once it has, or cannot. */
export function promotionUnopened(state: ControllerState): Promotion | null {
  const { fold, read, nowMs } = state;
  const promotion = fold.history.at(-1);
  if (promotion === undefined || fold.prepare !== null) return null;
  const isOver = nowMs >= expiredFromMs(read.leaseReadAtMs, leaseTimes(state));
  const isOpen = isNotedOpen(state, promotion) || isSeenOpen(state, promotion);
  return isOver || isOpen ? null : promotion;
}

function isNotedOpen({ fold }: ControllerState, { epoch }: Promotion): boolean {
  return fold.notes.some((one) => one.epoch === epoch && one.note.about === 'opened');
}

/** By itself, by its report, or by renewals that go on. */
function isSeenOpen(state: ControllerState, { epoch, to }: Promotion): boolean {
  const { config, tenure, peers, read } = state;
  if (to === config.region) return tenure?.epoch === epoch;
  const report = peers.find((peer) => peer.report.id === to)?.report;
  const isReported = report?.role === 'primary' && report.epoch === epoch && isPeerLive(state, to);
  return isReported || read.leaseReadAtMs - read.promotedAtMs > noteMs;
}
