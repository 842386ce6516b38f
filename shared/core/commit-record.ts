/**
 * The records of a data log. Readable alone: each carries epoch, origin, the chain
 * (`prevEndLsn` → `endLsn`) and the relation messages it needs. The binary form is described and
 * implemented in `commit-record-codec.ts`.
 */
import { assertNever } from './assert.ts';
import type { Epoch } from './epoch.ts';
import type { Lsn } from './lsn.ts';
import { unixMsOf } from './pgoutput/postgres-time.ts';
import type { Position } from './position.ts';
import type { RegionId } from './region.ts';

interface RecordHead {
  readonly epoch: Epoch;
  /** The region that was primary when the record was made (the writer, for log-local kinds). */
  readonly origin: RegionId;
}

/**
 * One committed transaction: its raw pgoutput messages (protocol 1, text), Begin/Commit left out.
 */
export interface LoggedTransaction {
  readonly xid: number;
  /** `endLsn` of the record before it in this epoch; 0 for the first of the epoch. */
  readonly prevEndLsn: Lsn;
  readonly endLsn: Lsn;
  /** Microseconds since 2000-01-01 UTC, as PostgreSQL sends it. */
  readonly commitTimeUs: bigint;
  readonly messages: readonly Uint8Array[];
}

/** Several small transactions, in commit order. */
export interface TransactionsRecord extends RecordHead {
  readonly kind: 'transactions';
  readonly transactions: readonly LoggedTransaction[];
}

/** A part of one large transaction; `endLsn` is known in the last part only. */
export interface ChunkRecord extends RecordHead {
  readonly kind: 'chunk';
  readonly xid: number;
  /** 0, 1, 2, … within the transaction. */
  readonly part: number;
  readonly isLast: boolean;
  readonly prevEndLsn: Lsn;
  readonly endLsn: Lsn | null;
  readonly commitTimeUs: bigint;
  readonly messages: readonly Uint8Array[];
}

/** "Nothing up to `lsn`, at that time": moves waits and staleness, is no transaction. */
export interface IdleRecord extends RecordHead {
  readonly kind: 'idle';
  readonly lsn: Lsn;
  readonly timeUs: bigint;
}

/** Position (epoch, 0): counts as a transaction record and may be repeated. */
export interface EpochStartRecord extends RecordHead {
  readonly kind: 'epoch-start';
  readonly cut: Position;
  readonly timeUs: bigint;
}

/** Closes the copy that a seeded region's log begins with. Never crosses regions. */
export interface SeedRecord extends RecordHead {
  readonly kind: 'seed';
  readonly position: Position;
  readonly store: string;
}

/** This region promised itself to `epoch`. Never crosses regions. */
export interface SealedRecord extends RecordHead {
  readonly kind: 'sealed';
  readonly position: Position;
}

/** This region opened `epoch` on that timeline. Never crosses regions. */
export interface OpenedRecord extends RecordHead {
  readonly kind: 'opened';
  readonly timeline: number;
}

export type CommitRecord =
  | TransactionsRecord
  | ChunkRecord
  | IdleRecord
  | EpochStartRecord
  | SeedRecord
  | SealedRecord
  | OpenedRecord;

/** The position at which `record` ends when it ends a transaction; else null. */
export function endPositionOf(record: CommitRecord): Position | null {
  const { epoch } = record;
  switch (record.kind) {
    case 'transactions': {
      const last = record.transactions.at(-1);
      return last === undefined ? null : { epoch, endLsn: last.endLsn };
    }
    case 'chunk':
      return record.endLsn === null ? null : { epoch, endLsn: record.endLsn };
    case 'epoch-start':
      return { epoch, endLsn: 0n as Lsn };
    case 'seed':
      return record.position;
    case 'idle':
    case 'sealed':
    case 'opened':
      return null;
    default:
      return assertNever(record);
  }
}

/** When the last of `record` was committed or its epoch begun: ms since 1970; null: not told. */
export function timeMsOf(record: CommitRecord): number | null {
  switch (record.kind) {
    case 'transactions': {
      const last = record.transactions.at(-1);
      return last === undefined ? null : unixMsOf(last.commitTimeUs);
    }
    case 'chunk':
      return unixMsOf(record.commitTimeUs);
    case 'idle':
    case 'epoch-start':
      return unixMsOf(record.timeUs);
    case 'seed':
    case 'sealed':
    case 'opened':
      return null;
    default:
      return assertNever(record);
  }
}

/** What a message costs in memory beside its bytes: the object that shows them. */
const messageObjectBytes = 192;

/** About how much memory an unpacked record takes; many times its packed form for small rows. */
export function heldBytesOf(record: CommitRecord): number {
  if (record.kind === 'chunk') return bytesOf(record.messages);
  if (record.kind !== 'transactions') return 0;
  let bytes = 0;
  for (const { messages } of record.transactions) bytes += bytesOf(messages);
  return bytes;
}

/** The record with nothing of its changes: enough to place it, and cheap to keep. */
export function withoutMessages(record: CommitRecord): CommitRecord {
  if (record.kind === 'chunk') return { ...record, messages: [] };
  if (record.kind !== 'transactions') return record;
  const transactions = record.transactions.slice(-1).map((last) => ({ ...last, messages: [] }));
  return { ...record, transactions };
}

function bytesOf(messages: readonly Uint8Array[]): number {
  let bytes = messages.length * messageObjectBytes;
  for (const { byteLength } of messages) bytes += byteLength;
  return bytes;
}
