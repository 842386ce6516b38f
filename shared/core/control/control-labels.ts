/**
 * What the fold keeps for people: regions drained by an operator, who asked for what, and what
 * regions found out about changes of primary. No condition of an epoch or a member reads it.
 */
import { assertNever } from '../assert.ts';
import {
  isSameNote,
  type ControlRecord,
  type NoteRecord,
  type RevokeRecord,
  type TrafficRecord,
} from './control-record.ts';
import type { ControlState, OperationNoted } from './control-state.ts';
import { applied, ignored, type Folded } from './fold-outcome.ts';

/** The audit in the fold holds so many of the newest records with a label. */
const operationsKept = 200;
/** So many revocations at once; none is dropped for want of room while it matters. */
export const revocationsMax = 1000;
/** Clocks of regions may differ by less. */
const clocksApartMs = 24 * 60 * 60 * 1000;

export function foldTraffic(state: ControlState, { region, isAccepting }: TrafficRecord): Folded {
  if (state.policy?.regions.includes(region) !== true) return ignored(state, 'not in the policy');
  const others = state.drained.filter((one) => one !== region);
  return applied({ ...state, drained: isAccepting ? others : [...others, region] });
}

/** Adds a revocation; those whose tokens have expired long ago make room. */
export function foldRevoke(state: ControlState, { revocation, atMs }: RevokeRecord): Folded {
  const kept = state.revoked.filter(({ untilMs }) => untilMs + clocksApartMs > atMs);
  if (kept.length >= revocationsMax) return ignored(state, 'too many revocations are in force');
  return applied({ ...state, revoked: [...kept, revocation] });
}

export function foldNote(state: ControlState, record: NoteRecord): Folded {
  const { epoch, region, note } = record;
  const promotion = state.history.find((one) => one.epoch === epoch);
  if (promotion === undefined) return ignored(state, 'of an epoch that never began');
  if (note.about === 'opened' && promotion.to !== region) {
    return ignored(state, 'not of the region that was promoted');
  }
  const isOfThis = (one: NoteRecord): boolean =>
    one.epoch === epoch && one.region === region && one.note.about === note.about;
  const before = state.notes.find(isOfThis);
  if (before !== undefined && isSameNote(before.note, note)) return ignored(state, 'noted before');
  // More of a tail may be found than the first look at it showed.
  const others = state.notes.filter((one) => !isOfThis(one));
  return applied({ ...state, notes: [...others, record] });
}

/** Keeps the label of an applied record: who asked for what, the same in every region. */
export function withOperation(state: ControlState, record: ControlRecord): ControlState {
  const noted = operationOf(record);
  if (noted === null) return state;
  return { ...state, operations: [...state.operations, noted].slice(-operationsKept) };
}

function operationOf(record: ControlRecord): OperationNoted | null {
  if (!('operation' in record) || record.operation === null) return null;
  const { operation } = record;
  const common = { operation, region: null, epoch: null, attempt: null, isForced: false };
  switch (record.kind) {
    case 'prepare': {
      const { change, preferred, epoch, attempt, force } = record;
      const isForced = force !== null;
      return { verb: change, operation, region: preferred, epoch, attempt, isForced };
    }
    case 'pause':
      return { ...common, verb: record.durationMs === 0 ? 'resume' : 'pause' };
    case 'traffic':
      return { ...common, verb: record.isAccepting ? 'undrain' : 'drain', region: record.region };
    case 'region':
      return { ...common, verb: `${record.action}-region`, region: record.region };
    case 'revoke':
      return { ...common, verb: 'revoke' };
    case 'audit':
      return { ...common, verb: record.verb, region: record.region, epoch: record.epoch };
    default:
      return assertNever(record);
  }
}
