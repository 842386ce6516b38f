/**
 * What a record of the control log changes: the fold, and the times at which this region read it.
 * The own lease comes from here alone: from renewals read back in order (DESIGN.md section 5).
 */
import { maxRules, type foldControl } from '../../../../shared/core/control/control-fold.ts';
import type {
  ControlRecord,
  OperationLabel,
  RenewRecord,
} from '../../../../shared/core/control/control-record.ts';
import type {
  ControlState,
  FoldOutcome,
  OperationNoted,
  Promotion,
} from '../../../../shared/core/control/control-state.ts';
import { holderValidUntilMs } from '../../../../shared/core/lease.ts';
import type { LogOffset } from '../../../../shared/core/log-offset.ts';
import { formatPosition, isAtOrPast } from '../../../../shared/core/position.ts';
import type { Checkpoint } from '../controller-input.ts';
import type {
  ControllerState,
  LeaseState,
  OpeningState,
  ReadTimes,
  TailState,
} from '../controller-state.ts';
import { sentBeforeMs } from '../relay/announcement.ts';
import { leaseTimes, ownPosition } from '../situation.ts';
import { recordKey } from './issue.ts';
import { addStep } from './steps.ts';

const failoversKept = 20;
const refusedKept = 50;

/** Goes on from `checkpoint`; a lease, a pause or a failover in it counts as read now. */
export function startFold(state: ControllerState, checkpoint: Checkpoint | null): ControllerState {
  const { nowMs, config } = state;
  const fold = checkpoint?.state ?? state.fold;
  const clusterId = fold.policy?.clusterId ?? config.clusterId;
  if (clusterId !== config.clusterId) {
    return halted(state, `its data are of cluster ${clusterId}: set them aside (meridian reseed)`);
  }
  const why = whyBeyond(fold);
  if (why !== null) return halted(state, why);
  const read: ReadTimes = {
    ...state.read,
    leaseReadAtMs: nowMs,
    renewalReadAtMs: nowMs,
    oldLeaseReadAtMs: nowMs,
    promotedAtMs: nowMs,
    attemptReadAtMs: nowMs,
    prepareReadAtMs: nowMs,
    pausedUntilMs: nowMs + (fold.pause?.durationMs ?? 0),
    failovers: fold.history
      .slice(-1)
      .filter(isFailover)
      .map(() => nowMs),
  };
  return { ...state, fold, nextOffset: checkpoint?.nextOffset ?? state.nextOffset, read };
}

/** Folds one record; `fold` is `foldControl` but in tests of the tests. */
export function readRecord(
  state: ControllerState,
  entry: { readonly offset: LogOffset; readonly record: ControlRecord },
  fold: typeof foldControl,
): ControllerState {
  // A reader that reconnects may yield records again.
  if (entry.offset < state.nextOffset) return state;
  const { record } = entry;
  // Whether a policy comes into force is judged by the rules in force before it, known here.
  const folded = fold(state.fold, record);
  const why = whyBeyond(folded.state);
  if (why !== null) return halted(state, why);
  const nextOffset = (entry.offset + 1n) as LogOffset;
  const next: ControllerState = { ...state, fold: folded.state, nextOffset };
  if (folded.outcome.kind === 'void') {
    return noteVoid(sendableAgain(next, record), record, folded.outcome.why);
  }
  return noteRecord(next, record, folded.outcome);
}

/** What came too early for its epoch, or too late, is not waited for: it decides nothing. */
function sendableAgain(state: ControllerState, record: ControlRecord): ControllerState {
  const { config, lease, notBefore } = state;
  if (record.kind === 'member') {
    return { ...state, notBefore: { ...notBefore, [recordKey(record)]: undefined } };
  }
  if (record.kind !== 'renew' || record.incarnation !== config.incarnation) return state;
  const sent = lease.sent.filter(({ seq }) => seq !== record.seq);
  return { ...state, lease: { ...lease, sent } };
}

/** The fold goes on by rules that this program does not have. */
function whyBeyond({ policy }: ControlState): string | null {
  if (policy === null || policy.rules <= maxRules) return null;
  return `the control log uses rules ${policy.rules}, newer than known here`;
}

/** A void record of an operator: said to whoever asks for the operation, in every region. */
function noteVoid(state: ControllerState, record: ControlRecord, why: string): ControllerState {
  const label = 'operation' in record ? record.operation : null;
  if (label === null) return state;
  const isSame = (one: OperationNoted): boolean =>
    one.operation.id === label.id &&
    (record.kind !== 'prepare' || (one.epoch === record.epoch && one.attempt === record.attempt));
  // A record that was sent twice is void the second time.
  if (state.fold.operations.some(isSame)) return state;
  const isOwn = state.asked?.record === record || state.asked?.operationId === label.id;
  const left = isOwn ? { ...state, asked: null } : state;
  if (state.fold.operations.some((one) => one.operation.id === label.id)) {
    return addStep(left, 'attempt refused', why);
  }
  return refuse(left, label, why);
}

/** Keeps that the operation will not happen. */
export function refuse(
  state: ControllerState,
  label: OperationLabel,
  why: string,
): ControllerState {
  const refused = [...state.refused, { label, why }].slice(-refusedKept);
  return { ...state, refused };
}

/** The controller stops deciding; the shell ends the process. */
export function halted(state: ControllerState, why: string): ControllerState {
  return { ...state, kind: 'halted', why };
}

function noteRecord(
  state: ControllerState,
  record: ControlRecord,
  outcome: FoldOutcome,
): ControllerState {
  const noted = noteKind(state, record);
  if (outcome.kind !== 'promoted') return noted;
  const { nowMs, read } = noted;
  const { promotion } = outcome;
  const promoted: ControllerState = {
    ...noted,
    read: {
      ...read,
      promotedAtMs: nowMs,
      leaseReadAtMs: nowMs,
      isPromotionSeen: noted.kind === 'running',
      failovers: failoversAfter(noted, promotion),
    },
    lease: { ...noted.lease, validUntilMs: null, sent: sentAhead(noted), closedSinceMs: null },
    opening: openingAhead(noted, promotion),
    tenure: null,
    removing: null,
    confirming: null,
    seal: null,
    tail: sealedTail(noted),
  };
  return addStep(promoted, 'promoted', promotion.why);
}

/** A starting controller reads old ones: how old is not known, so the last counts as read now. */
function failoversAfter({ read, nowMs, kind }: ControllerState, last: Promotion): number[] {
  const before = kind === 'running' ? read.failovers : [];
  return (isFailover(last) ? [...before, nowMs] : [...before]).slice(-failoversKept);
}

/** The first epoch is none: nobody was primary before. */
function isFailover({ change, from }: Promotion): boolean {
  return change === 'failover' && from !== null;
}

/** Renewals of the new epoch that this region has sent behind its seal. */
function sentAhead({ fold, config, lease }: ControllerState): LeaseState['sent'] {
  return fold.primary === config.region ? lease.sent : [];
}

/** What was made ready for this very promotion, if nothing is lacking up to its cut. */
function openingAhead(state: ControllerState, promotion: Promotion): OpeningState | null {
  const { opening, config } = state;
  if (promotion.to !== config.region || opening?.epoch !== promotion.epoch) return null;
  const position = ownPosition(state);
  return position !== null && isAtOrPast(position, promotion.cut) ? opening : null;
}

/** What an old primary completed for its seal is the tail that it owes. */
function sealedTail(state: ControllerState): TailState | null {
  const { seal, database } = state;
  if (seal === null || seal.ownEpoch === null || seal.walEnd === null) return null;
  if (database === null) return null;
  const { ownEpoch, walEnd } = seal;
  return { ownEpoch, serverStart: database.serverStart, walEnd };
}

function noteKind(state: ControllerState, record: ControlRecord): ControllerState {
  const { nowMs, read, config } = state;
  switch (record.kind) {
    case 'hello': {
      const isOwn = record.region === config.region && record.incarnation === config.incarnation;
      return isOwn && state.kind === 'greeting' ? { ...state, kind: 'running' } : state;
    }
    case 'renew':
      return readRenewal(leaseRead(state, record), record);
    case 'prepare': {
      const isFirst = record.attempt === 1;
      const times: ReadTimes = {
        ...read,
        attemptReadAtMs: nowMs,
        prepareReadAtMs: isFirst ? nowMs : read.prepareReadAtMs,
        oldLeaseReadAtMs: isFirst ? read.leaseReadAtMs : read.oldLeaseReadAtMs,
      };
      const lease = { ...state.lease, validUntilMs: null, sent: [], closedSinceMs: null };
      const prepared: ControllerState = { ...state, read: times, lease, removing: null };
      const preferred = record.preferred === null ? '' : `, preferring ${record.preferred}`;
      return addStep(
        prepared,
        'prepared',
        `${record.change}, attempt ${record.attempt}${preferred}`,
      );
    }
    case 'seal': {
      const detail = `${record.region} at ${formatPosition(record.position)}`;
      return addStep(state, record.final ? 'sealed for good' : 'sealed', detail);
    }
    case 'note': {
      const { note, region, epoch } = record;
      // The other regions learn from it when the new primary opened.
      const isNew = note.about === 'opened' && region !== config.region;
      const detail = `${region} opened epoch ${epoch}`;
      return isNew ? addStep(state, 'opened', detail) : state;
    }
    case 'member': {
      // From then on writes can be confirmed; the fold never lets the last one go.
      const isFirst = record.action === 'add' && state.fold.members.length === 1;
      return isFirst ? addStep(state, 'first member', record.region) : state;
    }
    case 'pause':
      return { ...state, read: { ...read, pausedUntilMs: nowMs + record.durationMs } };
    default:
      return state;
  }
}

/** Invariant: others count the lease from after it was sent, which is when they read it at last. */
function leaseRead(state: ControllerState, record: RenewRecord): ControllerState {
  const { read, nowMs } = state;
  const leaseReadAtMs = Math.max(read.leaseReadAtMs, sentBeforeMs(state, record));
  return { ...state, read: { ...read, leaseReadAtMs, renewalReadAtMs: nowMs } };
}

/** Invariant: the lease counts from before the renewal was sent, for this incarnation only. */
function readRenewal(state: ControllerState, record: RenewRecord): ControllerState {
  const { lease, config } = state;
  if (record.region !== config.region || record.incarnation !== config.incarnation) return state;
  const sent = lease.sent.find((one) => one.seq === record.seq);
  if (sent === undefined) return state;
  const until = holderValidUntilMs(sent.sentAtMs, leaseTimes(state));
  const validUntilMs = Math.max(lease.validUntilMs ?? -Infinity, until);
  const later = lease.sent.filter((one) => one.seq > record.seq);
  return { ...state, lease: { ...lease, validUntilMs, sent: later } };
}
