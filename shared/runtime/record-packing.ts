/**
 * The stored form of a commit record: the codec's bytes, compressed where that pays.
 *
 * The first byte tells which: a plain record starts with its format version (1 to 127); 0x81 marks
 * `u32 length of the plain form · raw deflate data`. Both forms travel unchanged through Kafka and
 * over the region link.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { MalformedBytes } from '../core/byte-reader.ts';
import type { CommitRecord } from '../core/commit-record.ts';
import { decodeCommitRecord, encodeCommitRecord } from '../core/commit-record-codec.ts';

const deflatedMark = 0x81;
const headBytes = 5;
/** Below this size a record costs more time than it saves bytes. */
const compressFromBytes = 4096;
/** No record is larger: chunks are cut far below it. */
const plainBytesMax = 1024 * 1024 * 1024;

/** The stored form of `record`. */
export function packRecord(record: CommitRecord): Uint8Array {
  const plain = encodeCommitRecord(record);
  if (plain.byteLength < compressFromBytes) return plain;
  const deflated = deflateRawSync(plain, { level: 1 });
  if (deflated.byteLength + headBytes > plain.byteLength * 0.9) return plain;
  const packed = Buffer.allocUnsafe(headBytes + deflated.byteLength);
  packed[0] = deflatedMark;
  packed.writeUInt32BE(plain.byteLength, 1);
  packed.set(deflated, headBytes);
  return packed;
}

/** The record whose stored form is `bytes`, or why there is none. Never throws. */
export function unpackRecord(bytes: Uint8Array): CommitRecord | MalformedBytes {
  if (bytes[0] !== deflatedMark) return decodeCommitRecord(bytes);
  if (bytes.byteLength < headBytes) return { kind: 'malformed', why: 'the record ends early' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(1);
  if (length > plainBytesMax) return { kind: 'malformed', why: 'the record is too large' };
  try {
    const plain = inflateRawSync(bytes.subarray(headBytes), { maxOutputLength: length });
    if (plain.byteLength !== length) return { kind: 'malformed', why: 'the length is wrong' };
    return decodeCommitRecord(plain);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'not deflate data';
    return { kind: 'malformed', why: `cannot be inflated: ${why}` };
  }
}
