/**
 * Decides what the status frames to PostgreSQL say: flush is the end of the own log, write what K
 * members have applied, apply what all of them have. Acknowledgements count only for members, and
 * only for the store that the control log names.
 */
import { assertNever } from '../../../shared/core/assert.ts';
import type { Member } from '../../../shared/core/control/control-state.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import { zeroLsn, type Lsn } from '../../../shared/core/lsn.ts';
import { comparePositions, zeroPosition, type Position } from '../../../shared/core/position.ts';
import { lowest, releasedPositions } from '../../../shared/core/quorum.ts';
import type { RegionId } from '../../../shared/core/region.ts';

export interface Acknowledgement {
  readonly store: string;
  /** Last transaction record durably applied there. */
  readonly applied: Position;
  /** The same or later: nothing that it lacks lies at or below this. */
  readonly reached: Position;
}

export interface QuorumState {
  readonly epoch: Epoch;
  readonly members: readonly Member[];
  /** Confirmations that a semi-sync COMMIT waits for; 0 while degraded. */
  readonly k: number;
  /** A sync COMMIT waits for at least so many members: all other regions, or 0. */
  readonly syncMembersMin: number;
  readonly acknowledged: ReadonlyMap<RegionId, Acknowledgement>;
  readonly logEnd: Lsn;
  /** What was reported; never goes back within an epoch. */
  readonly reported: ReportedLsns;
}

export interface ReportedLsns {
  readonly flush: Lsn;
  readonly write: Lsn;
  readonly apply: Lsn;
}

export type QuorumInput =
  | { readonly kind: 'membersChanged'; readonly members: readonly Member[]; readonly k: number }
  | {
      readonly kind: 'acknowledged';
      readonly region: RegionId;
      readonly acknowledgement: Acknowledgement;
    }
  | { readonly kind: 'logged'; readonly lsn: Lsn };

/** The state when decoding of `epoch` begins with the own log at `logEnd`. */
export function initialQuorum(epoch: Epoch, logEnd: Lsn, syncMembersMin = 0): QuorumState {
  return {
    epoch,
    members: [],
    k: 1,
    syncMembersMin,
    acknowledged: new Map(),
    logEnd,
    reported: { flush: logEnd, write: zeroLsn, apply: zeroLsn },
  };
}

/** The state after `input`; `reported` is what the next status frame says. */
export function stepQuorum(state: QuorumState, input: QuorumInput): QuorumState {
  switch (input.kind) {
    case 'membersChanged':
      return withReport({ ...state, members: input.members, k: input.k });
    case 'acknowledged': {
      const before = state.acknowledged.get(input.region);
      const { acknowledgement } = input;
      const isOlder =
        before !== undefined &&
        before.store === acknowledgement.store &&
        comparePositions(before.reached, acknowledgement.reached) >= 0;
      if (isOlder) return state;
      const acknowledged = new Map(state.acknowledged).set(input.region, acknowledgement);
      return withReport({ ...state, acknowledged });
    }
    case 'logged':
      return withReport({ ...state, logEnd: later(state.logEnd, input.lsn) });
    default:
      return assertNever(input);
  }
}

/** How many members have applied `position`, and how many there are. */
export function holdersOf(
  state: QuorumState,
  position: Position,
): { readonly held: number; readonly members: number } {
  const held = memberPositions(state).filter((at) => comparePositions(at, position) >= 0);
  return { held: held.length, members: state.members.length };
}

function withReport(state: QuorumState): QuorumState {
  const { reported } = state;
  const released = releasedLsns(state);
  return {
    ...state,
    reported: {
      flush: later(reported.flush, state.logEnd),
      write: later(reported.write, released.write),
      apply: later(reported.apply, released.apply),
    },
  };
}

function releasedLsns(state: QuorumState): { readonly write: Lsn; readonly apply: Lsn } {
  const { epoch, k, logEnd, syncMembersMin } = state;
  const positions = memberPositions(state);
  // A member that was not heard holds nothing: it keeps `apply` where it is.
  const { write, apply } = releasedPositions(positions, Math.max(1, k));
  // Degraded to nobody: a semi-sync COMMIT waits for the own log alone.
  const released =
    k === 0
      ? { write: logEnd, apply: logEnd }
      : { write: lsnIn(epoch, write), apply: lsnIn(epoch, apply) };
  if (syncMembersMin === 0) return released;
  const isComplete = positions.length >= syncMembersMin;
  return { ...released, apply: isComplete ? lsnIn(epoch, lowest(positions) ?? apply) : zeroLsn };
}

function memberPositions(state: QuorumState): Position[] {
  return state.members.map(({ region, store }) => {
    const acknowledgement = state.acknowledged.get(region);
    return acknowledgement?.store === store ? acknowledgement.reached : zeroPosition;
  });
}

function lsnIn(epoch: Epoch, position: Position): Lsn {
  return position.epoch === epoch ? position.endLsn : zeroLsn;
}

function later(a: Lsn, b: Lsn): Lsn {
  return a > b ? a : b;
}
