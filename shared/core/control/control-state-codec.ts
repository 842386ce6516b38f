/**
 * The stored form of the folded state (checkpoints): one JSON object with the format version `v`,
 * positions as text. A checkpoint of another version is not used: the fold starts from another
 * region's, or from the first record.
 */
import {
  readChange,
  readForce,
  readNoteRecord,
  readOperation,
  readPolicy,
  readRevocation,
  readSeal,
  withTexts,
} from './control-record-codec.ts';
import type {
  ControlState,
  Member,
  OpenPrepare,
  OperationNoted,
  Promotion,
} from './control-state.ts';
import {
  listOf,
  NotAsExpected,
  oneOf,
  orNull,
  parseJson,
  readBoolean,
  readCount,
  readEpoch,
  readFields,
  readObject,
  readPosition,
  readRegion,
  readText,
} from '../json-reader.ts';

export const controlStateVersion = 1;

export type DecodedControlState =
  | { readonly kind: 'state'; readonly state: ControlState }
  | { readonly kind: 'unknownVersion'; readonly why: string }
  | { readonly kind: 'malformed'; readonly why: string };

/** The JSON text of `state`. */
export function encodeControlState(state: ControlState): string {
  return JSON.stringify({ v: controlStateVersion, ...(withTexts(state) as object) });
}

/** The state in `text`. Never throws. */
export function decodeControlState(text: string): DecodedControlState {
  try {
    const { v, ...fields } = readFields(parseJson(text), 'state');
    if (v !== controlStateVersion) {
      const why = `format version ${JSON.stringify(v)} is not known here`;
      return { kind: 'unknownVersion', why };
    }
    // A checkpoint that was written before there were revocations.
    return { kind: 'state', state: readState({ revoked: [], ...fields }, 'state') };
  } catch (error) {
    if (error instanceof NotAsExpected) return { kind: 'malformed', why: error.message };
    throw error;
  }
}

const readMember = readObject<Member>({ region: readRegion, store: readText });

const readPrepare = readObject<OpenPrepare>({
  epoch: readEpoch,
  attempt: readCount,
  change: readChange,
  preferred: orNull(readRegion),
  force: orNull(readForce),
  operation: orNull(readOperation),
  members: listOf(readMember),
  oldPrimary: orNull(readRegion),
  seals: listOf(readSeal),
});

const readPromotion = readObject<Promotion>({
  epoch: readEpoch,
  cut: readPosition,
  to: readRegion,
  store: readText,
  from: orNull(readRegion),
  source: readRegion,
  safe: readPosition,
  change: readChange,
  attempt: readCount,
  isForced: readBoolean,
  isQuick: readBoolean,
  operation: orNull(readOperation),
  why: readText,
});

const readNoted = readObject<OperationNoted>({
  verb: oneOf(
    'switchover',
    'failover',
    'pause',
    'resume',
    'drain',
    'undrain',
    'revoke',
    'discard',
    'add-region',
    'remove-region',
  ),
  operation: readOperation,
  region: orNull(readRegion),
  epoch: orNull(readEpoch),
  attempt: orNull(readCount),
  isForced: readBoolean,
});

const readState = readObject<ControlState>({
  policy: orNull(readPolicy),
  epoch: readEpoch,
  primary: orNull(readRegion),
  members: listOf(readMember),
  version: readCount,
  k: readCount,
  kLow: readCount,
  prepare: orNull(readPrepare),
  history: listOf(readPromotion),
  hellos: listOf(readObject({ region: readRegion, incarnation: readText, maxRules: readCount })),
  pause: orNull(readObject({ durationMs: readCount, operation: orNull(readOperation) })),
  drained: listOf(readRegion),
  revoked: listOf(readRevocation),
  operations: listOf(readNoted),
  notes: listOf(readNoteRecord),
});
