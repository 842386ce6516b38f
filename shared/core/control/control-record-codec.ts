/**
 * The stored form of control records: one JSON object with the format version `v`, the `kind` and
 * the record's own keys; LSNs `X/X`, positions `<epoch>:<X/X>` as text. Reading is strict: unknown
 * keys are malformed, and another version is told apart, because a reader that meets one must
 * stop and say so instead of folding without it.
 */
import type {
  AuditRecord,
  ControlRecord,
  DegradeRecord,
  Force,
  HelloRecord,
  MemberRecord,
  Note,
  NoteRecord,
  OperationLabel,
  PauseRecord,
  Policy,
  PolicyRecord,
  PrepareRecord,
  RegionRecord,
  RenewRecord,
  Revocation,
  RevokeRecord,
  SealRecord,
  TrafficRecord,
} from './control-record.ts';
import {
  listOf,
  NotAsExpected,
  oneOf,
  orNull,
  parsed,
  parseJson,
  readBoolean,
  readCount,
  readEpoch,
  readFields,
  readObject,
  readPosition,
  readRegion,
  readText,
  type Reader,
} from '../json-reader.ts';
import { parseNodeId, type NodeId } from '../node.ts';
import { formatPosition, type Position } from '../position.ts';

export const controlRecordVersion = 1;

export type DecodedControlRecord =
  | { readonly kind: 'record'; readonly record: ControlRecord }
  | { readonly kind: 'unknownVersion'; readonly why: string }
  | { readonly kind: 'malformed'; readonly why: string };

/** The JSON text of `record`. */
export function encodeControlRecord(record: ControlRecord): string {
  return JSON.stringify({ v: controlRecordVersion, ...(withTexts(record) as object) });
}

/** The record in `text`. Never throws. */
export function decodeControlRecord(text: string): DecodedControlRecord {
  try {
    const { v, ...fields } = readFields(parseJson(text), 'record');
    if (v !== controlRecordVersion) {
      const why = `format version ${JSON.stringify(v)} is not known here`;
      return typeof v === 'number' && Number.isInteger(v) && v > controlRecordVersion
        ? { kind: 'unknownVersion', why }
        : { kind: 'malformed', why };
    }
    const kind = readText(fields['kind'], 'record.kind');
    // A kind that this version does not have comes from a newer program.
    if (!Object.hasOwn(readers, kind)) {
      return { kind: 'unknownVersion', why: `record kind ${kind.slice(0, 40)} is not known here` };
    }
    return { kind: 'record', record: readers[kind as ControlRecord['kind']](fields, kind) };
  } catch (error) {
    if (error instanceof NotAsExpected) return { kind: 'malformed', why: error.message };
    throw error;
  }
}

/** A copy in which every position is text. */
export function withTexts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTexts);
  if (typeof value !== 'object' || value === null) return value;
  if (isPosition(value)) return formatPosition(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withTexts(item)]));
}

function isPosition(value: object): value is Position {
  return 'endLsn' in value && typeof value.endLsn === 'bigint';
}

const readNode: Reader<NodeId> = (value, place) =>
  parsed(parseNodeId(readText(value, place)), place, 'a node');

export const readPolicy = readObject<Policy>({
  version: readCount,
  clusterId: readText,
  regions: listOf(readRegion),
  priority: listOf(readRegion),
  k: readCount,
  ttlMs: readCount,
  marginMs: readCount,
  rules: readCount,
});

export const readOperation = readObject<OperationLabel>({
  id: readText,
  by: readText,
  reason: readText,
  atMs: readCount,
});

export const readRevocation = readObject<Revocation>({
  tokenId: orNull(readText),
  subject: orNull(readText),
  issuedBeforeMs: readCount,
  untilMs: readCount,
});

export const readForce = readObject<Force>({
  acceptDataLoss: oneOf<true>(true),
  seals: listOf(readObject({ region: readRegion, position: readPosition })),
});

export const readChange = oneOf('failover', 'switchover');

export const readSeal = readObject<SealRecord>({
  kind: oneOf('seal'),
  epoch: readEpoch,
  region: readRegion,
  store: readText,
  position: readPosition,
  final: readBoolean,
  confirmed: orNull(readPosition),
});

const readOpened = readObject<Extract<Note, { about: 'opened' }>>({
  about: oneOf('opened'),
  pauseMs: readCount,
});

const readTail = readObject<Extract<Note, { about: 'tail' }>>({
  about: oneOf('tail'),
  transactions: readCount,
  rows: readCount,
  mayBeConfirmed: readBoolean,
  isListed: readBoolean,
});

const readNote: Reader<Note> = (value, place) =>
  readFields(value, place)['about'] === 'opened'
    ? readOpened(value, place)
    : readTail(value, place);

export const readNoteRecord = readObject<NoteRecord>({
  kind: oneOf('note'),
  epoch: readEpoch,
  region: readRegion,
  note: readNote,
});

const readers: { readonly [K in ControlRecord['kind']]: Reader<ControlRecord> } = {
  policy: readObject<PolicyRecord>({ kind: oneOf('policy'), policy: readPolicy }),
  region: readObject<RegionRecord>({
    kind: oneOf('region'),
    version: readCount,
    action: oneOf('add', 'remove'),
    region: readRegion,
    operation: readOperation,
  }),
  hello: readObject<HelloRecord>({
    kind: oneOf('hello'),
    region: readRegion,
    incarnation: readText,
    maxRules: readCount,
    node: orNull(readNode),
  }),
  renew: readObject<RenewRecord>({
    kind: oneOf('renew'),
    epoch: readEpoch,
    region: readRegion,
    incarnation: readText,
    seq: readCount,
  }),
  prepare: readObject<PrepareRecord>({
    kind: oneOf('prepare'),
    epoch: readEpoch,
    attempt: readCount,
    change: readChange,
    preferred: orNull(readRegion),
    force: orNull(readForce),
    operation: orNull(readOperation),
  }),
  seal: readSeal,
  member: readObject<MemberRecord>({
    kind: oneOf('member'),
    epoch: readEpoch,
    version: readCount,
    action: oneOf('add', 'remove'),
    region: readRegion,
    store: readText,
  }),
  degrade: readObject<DegradeRecord>({
    kind: oneOf('degrade'),
    epoch: readEpoch,
    version: readCount,
    k: readCount,
  }),
  pause: readObject<PauseRecord>({
    kind: oneOf('pause'),
    durationMs: readCount,
    operation: orNull(readOperation),
  }),
  traffic: readObject<TrafficRecord>({
    kind: oneOf('traffic'),
    region: readRegion,
    isAccepting: readBoolean,
    operation: orNull(readOperation),
  }),
  revoke: readObject<RevokeRecord>({
    kind: oneOf('revoke'),
    revocation: readRevocation,
    atMs: readCount,
    operation: readOperation,
  }),
  audit: readObject<AuditRecord>({
    kind: oneOf('audit'),
    verb: oneOf('discard'),
    region: readRegion,
    epoch: readEpoch,
    operation: readOperation,
  }),
  note: readNoteRecord,
};
