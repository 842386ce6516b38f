/**
 * Binary form of the records of a data log, in Kafka and on the region link. Pure: compression is
 * added around it by `shared/runtime/record-packing.ts`.
 *
 * Everything is big-endian. A record is
 *
 *     u8 version (1) · u8 kind · u32 epoch · u8 length + origin (UTF-8) · body
 *
 * and the body, by kind:
 *
 *     1 transactions  u32 count · count × transaction
 *     2 chunk         u32 xid · u32 part · u8 flags (1 last, 2 has endLsn) · u64 prevEndLsn
 *                     · u64 endLsn (0 without) · i64 commitTimeUs · messages
 *     3 idle          u64 lsn · i64 timeUs
 *     4 epoch-start   u32 cut epoch · u64 cut endLsn · i64 timeUs
 *     5 seed          u32 epoch · u64 endLsn · u16 length + store (UTF-8)
 *     6 sealed        u32 epoch · u64 endLsn
 *     7 opened        u32 timeline
 *
 *     transaction     u32 xid · u64 prevEndLsn · u64 endLsn · i64 commitTimeUs · messages
 *     messages        u32 count · count × (u32 length + bytes)
 *
 * Decoded messages are views into the given bytes, not copies.
 */
import { assertNever } from './assert.ts';
import { ByteReader, type MalformedBytes } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { CommitRecord, LoggedTransaction } from './commit-record.ts';
import { parseEpoch, type Epoch } from './epoch.ts';
import type { Lsn } from './lsn.ts';
import type { Position } from './position.ts';
import { parseRegionId, type RegionId } from './region.ts';

export const recordFormatVersion = 1;

const kindCodes = {
  transactions: 1,
  chunk: 2,
  idle: 3,
  'epoch-start': 4,
  seed: 5,
  sealed: 6,
  opened: 7,
} as const satisfies Record<CommitRecord['kind'], number>;

const isLastFlag = 1;
const hasEndFlag = 2;

/** The binary form of `record`. */
export function encodeCommitRecord(record: CommitRecord): Uint8Array {
  const writer = new ByteWriter(sizeHint(record));
  writer.u8(recordFormatVersion);
  writer.u8(kindCodes[record.kind]);
  writer.u32(record.epoch);
  writer.text8(record.origin);
  writeBody(writer, record);
  return writer.finish();
}

/** The record in `bytes`, or why they are none. Never throws, whatever the bytes. */
export function decodeCommitRecord(bytes: Uint8Array): CommitRecord | MalformedBytes {
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  if (version !== recordFormatVersion) return malformed(`unknown format version ${version}`);
  const kind = reader.u8();
  const epoch = parseEpoch(reader.u32());
  const origin = parseRegionId(reader.text8());
  if (epoch === null || origin === null) return malformed('bad epoch or origin');
  const record = readBody(reader, kind, { epoch, origin });
  if (reader.isExhausted) return malformed('the record ends early');
  if (record === null) return malformed(`unknown kind ${kind} or bad body`);
  if (reader.remaining > 0) return malformed(`${reader.remaining} bytes follow the record`);
  return record;
}

function writeBody(writer: ByteWriter, record: CommitRecord): void {
  switch (record.kind) {
    case 'transactions':
      writer.u32(record.transactions.length);
      for (const transaction of record.transactions) writeTransaction(writer, transaction);
      return;
    case 'chunk':
      writer.u32(record.xid);
      writer.u32(record.part);
      writer.u8((record.isLast ? isLastFlag : 0) | (record.endLsn === null ? 0 : hasEndFlag));
      writer.u64(record.prevEndLsn);
      writer.u64(record.endLsn ?? 0n);
      writer.i64(record.commitTimeUs);
      writeMessages(writer, record.messages);
      return;
    case 'idle':
      writer.u64(record.lsn);
      writer.i64(record.timeUs);
      return;
    case 'epoch-start':
      writePosition(writer, record.cut);
      writer.i64(record.timeUs);
      return;
    case 'seed':
      writePosition(writer, record.position);
      writer.text16(record.store);
      return;
    case 'sealed':
      writePosition(writer, record.position);
      return;
    case 'opened':
      writer.u32(record.timeline);
      return;
    default:
      assertNever(record);
  }
}

function readBody(
  reader: ByteReader,
  kind: number,
  head: { readonly epoch: Epoch; readonly origin: RegionId },
): CommitRecord | null {
  switch (kind) {
    case kindCodes.transactions:
      return { ...head, kind: 'transactions', transactions: readTransactions(reader) };
    case kindCodes.chunk:
      return readChunk(reader, head);
    case kindCodes.idle:
      return { ...head, kind: 'idle', lsn: reader.u64() as Lsn, timeUs: reader.i64() };
    case kindCodes['epoch-start']: {
      const cut = readPosition(reader);
      return cut && { ...head, kind: 'epoch-start', cut, timeUs: reader.i64() };
    }
    case kindCodes.seed: {
      const position = readPosition(reader);
      return position && { ...head, kind: 'seed', position, store: reader.text16() };
    }
    case kindCodes.sealed: {
      const position = readPosition(reader);
      return position && { ...head, kind: 'sealed', position };
    }
    case kindCodes.opened:
      return { ...head, kind: 'opened', timeline: reader.u32() };
    default:
      return null;
  }
}

function readChunk(
  reader: ByteReader,
  head: { readonly epoch: Epoch; readonly origin: RegionId },
): CommitRecord | null {
  const xid = reader.u32();
  const part = reader.u32();
  const flags = reader.u8();
  const prevEndLsn = reader.u64() as Lsn;
  const end = reader.u64() as Lsn;
  const commitTimeUs = reader.i64();
  const messages = readMessages(reader);
  const hasEnd = (flags & hasEndFlag) !== 0;
  if (flags > (isLastFlag | hasEndFlag) || (!hasEnd && end !== 0n)) return null;
  const isLast = (flags & isLastFlag) !== 0;
  const endLsn = hasEnd ? end : null;
  return { ...head, kind: 'chunk', xid, part, isLast, prevEndLsn, endLsn, commitTimeUs, messages };
}

function writeTransaction(writer: ByteWriter, transaction: LoggedTransaction): void {
  writer.u32(transaction.xid);
  writer.u64(transaction.prevEndLsn);
  writer.u64(transaction.endLsn);
  writer.i64(transaction.commitTimeUs);
  writeMessages(writer, transaction.messages);
}

function readTransactions(reader: ByteReader): LoggedTransaction[] {
  const count = reader.u32();
  const transactions: LoggedTransaction[] = [];
  for (let index = 0; index < count && !reader.isExhausted; index += 1) {
    transactions.push({
      xid: reader.u32(),
      prevEndLsn: reader.u64() as Lsn,
      endLsn: reader.u64() as Lsn,
      commitTimeUs: reader.i64(),
      messages: readMessages(reader),
    });
  }
  return transactions;
}

function writeMessages(writer: ByteWriter, messages: readonly Uint8Array[]): void {
  writer.u32(messages.length);
  for (const message of messages) {
    writer.u32(message.byteLength);
    writer.bytes(message);
  }
}

function readMessages(reader: ByteReader): Uint8Array[] {
  const count = reader.u32();
  const messages: Uint8Array[] = [];
  for (let index = 0; index < count && !reader.isExhausted; index += 1) {
    messages.push(reader.bytes(reader.u32()));
  }
  return messages;
}

function writePosition(writer: ByteWriter, position: Position): void {
  writer.u32(position.epoch);
  writer.u64(position.endLsn);
}

function readPosition(reader: ByteReader): Position | null {
  const epoch = parseEpoch(reader.u32());
  const endLsn = reader.u64() as Lsn;
  return epoch === null ? null : { epoch, endLsn };
}

function sizeHint(record: CommitRecord): number {
  const groups =
    record.kind === 'transactions'
      ? record.transactions.map((transaction) => transaction.messages)
      : record.kind === 'chunk'
        ? [record.messages]
        : [];
  let size = 128;
  for (const messages of groups) {
    size += 32;
    for (const message of messages) size += 4 + message.byteLength;
  }
  return size;
}

function malformed(why: string): MalformedBytes {
  return { kind: 'malformed', why };
}
