/**
 * Records that a region tells the others straight, at the moment at which it appends them. An
 * announcement decides nothing: the control log alone does. It says two things sooner. A renewal
 * that was announced was sent before that was heard, so the lease does not count from a later
 * reading (decision 0052). And the final seal of a switchover is known while it is still on its
 * way: the successor promises in the meantime.
 */
import type {
  ControlRecord,
  RenewRecord,
  SealRecord,
} from '../../../../shared/core/control/control-record.ts';
import type { OpenPrepare } from '../../../../shared/core/control/control-state.ts';
import { isAtOrPast } from '../../../../shared/core/position.ts';
import type { ControllerState } from '../controller-state.ts';
import { ownPosition } from '../situation.ts';

/** What other regions have announced and this one remembers. */
export interface Announced {
  readonly renewals: readonly { readonly record: RenewRecord; readonly heardAtMs: number }[];
  /** The last final seal; `isReached`: once this region had everything up to it. */
  readonly seal: { readonly record: SealRecord; readonly isReached: boolean } | null;
}

/** Renewals in flight are few: the log stalls for some seconds at most. */
const renewalsKept = 30;

export const nothingAnnounced: Announced = { renewals: [], seal: null };

/** Whether a region tells the others of `record` beside appending it. */
export function isAnnounced(record: ControlRecord): boolean {
  return record.kind === 'renew' || (record.kind === 'seal' && record.final);
}

/** Takes what another region has announced. */
export function hearAnnouncement(state: ControllerState, record: ControlRecord): ControllerState {
  const { announced, nowMs } = state;
  if (record.kind === 'renew') {
    const renewals = [...announced.renewals, { record, heardAtMs: nowMs }].slice(-renewalsKept);
    return { ...state, announced: { ...announced, renewals } };
  }
  if (record.kind !== 'seal' || !record.final) return state;
  return { ...state, announced: { ...announced, seal: { record, isReached: false } } };
}

/**
 * A moment of the own clock after which `record`, read now, was not sent: when it or a later one of
 * the same incarnation was announced, else now.
 */
export function sentBeforeMs({ announced, nowMs }: ControllerState, record: RenewRecord): number {
  const heard = announced.renewals
    .filter(
      ({ record: told }) =>
        told.epoch === record.epoch &&
        told.region === record.region &&
        told.incarnation === record.incarnation &&
        told.seq >= record.seq,
    )
    .map(({ heardAtMs }) => heardAtMs);
  return Math.min(nowMs, ...heard);
}

/** Notes when this region has all that the announced seal covers; called at each step. */
export function trackAnnouncedSeal(state: ControllerState): ControllerState {
  const { prepare } = state.fold;
  const { seal } = state.announced;
  if (seal === null || seal.isReached || prepare === null || !isOf(prepare, seal.record)) {
    return state;
  }
  const position = ownPosition(state);
  if (position === null || !isAtOrPast(position, seal.record.position)) return state;
  return { ...state, announced: { ...state.announced, seal: { ...seal, isReached: true } } };
}

/** The old primary's final seal, as it was read or announced; null when it is not known. */
export function finalSealOf(
  { announced }: ControllerState,
  prepare: OpenPrepare,
): SealRecord | null {
  const { oldPrimary, seals } = prepare;
  const read = seals.find((seal) => seal.region === oldPrimary && seal.final);
  if (read !== undefined) return read;
  const told = announced.seal?.record ?? null;
  return told !== null && isOf(prepare, told) ? told : null;
}

/** Whether the old primary has said that it sealed, and this region has all up to there. */
export function isSealAnnounced({ announced }: ControllerState, prepare: OpenPrepare): boolean {
  const { seal } = announced;
  return seal !== null && seal.isReached && isOf(prepare, seal.record);
}

function isOf(prepare: OpenPrepare, seal: SealRecord): boolean {
  return seal.epoch === prepare.epoch && seal.region === prepare.oldPrimary;
}
