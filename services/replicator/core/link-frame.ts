/**
 * Frames of the region link, version 1: one WebSocket message each, big-endian.
 *
 *     1 hello      u8 version · text8 region                        both ways, first
 *     2 subscribe  u32 id · u32 epoch · position · u32 credit       records after that position
 *     3 credit     u32 id · u32 bytes                               more may be sent
 *     4 applied    position applied · position reached · text16 store
 *     5 heartbeat                                                   both ways
 *     6 record     u32 id · stored form of a record
 *     7 refused    u32 id · text16 why · begins? position           the source lacks what follows
 *     8 unsubscribe u32 id
 *
 *     position     u32 epoch · u64 endLsn
 */
import { assertNever } from '../../../shared/core/assert.ts';
import { ByteReader, type MalformedBytes } from '../../../shared/core/byte-reader.ts';
import { ByteWriter } from '../../../shared/core/byte-writer.ts';
import { parseEpoch, type Epoch } from '../../../shared/core/epoch.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { Position } from '../../../shared/core/position.ts';
import { parseRegionId, type RegionId } from '../../../shared/core/region.ts';

export const linkVersion = 1;

export type LinkFrame =
  | { readonly kind: 'hello'; readonly region: RegionId }
  | {
      readonly kind: 'subscribe';
      readonly id: number;
      readonly epoch: Epoch;
      readonly from: Position;
      readonly creditBytes: number;
    }
  | { readonly kind: 'credit'; readonly id: number; readonly bytes: number }
  | {
      readonly kind: 'applied';
      readonly applied: Position;
      readonly reached: Position;
      readonly store: string;
    }
  | { readonly kind: 'heartbeat' }
  | { readonly kind: 'record'; readonly id: number; readonly bytes: Uint8Array }
  | {
      readonly kind: 'refused';
      readonly id: number;
      readonly why: string;
      /** Where the source's log begins; null when that is not the reason. */
      readonly begins: Position | null;
    }
  | { readonly kind: 'unsubscribe'; readonly id: number };

const codes = {
  hello: 1,
  subscribe: 2,
  credit: 3,
  applied: 4,
  heartbeat: 5,
  record: 6,
  refused: 7,
  unsubscribe: 8,
} as const satisfies Record<LinkFrame['kind'], number>;

/** The binary form of `frame`. */
export function encodeFrame(frame: LinkFrame): Uint8Array {
  const writer = new ByteWriter(frame.kind === 'record' ? frame.bytes.byteLength + 8 : 64);
  writer.u8(codes[frame.kind]);
  switch (frame.kind) {
    case 'hello':
      writer.u8(linkVersion);
      writer.text8(frame.region);
      break;
    case 'subscribe':
      writer.u32(frame.id);
      writer.u32(frame.epoch);
      writePosition(writer, frame.from);
      writer.u32(frame.creditBytes);
      break;
    case 'credit':
      writer.u32(frame.id);
      writer.u32(frame.bytes);
      break;
    case 'applied':
      writePosition(writer, frame.applied);
      writePosition(writer, frame.reached);
      writer.text16(frame.store);
      break;
    case 'heartbeat':
      break;
    case 'record':
      writer.u32(frame.id);
      writer.bytes(frame.bytes);
      break;
    case 'refused':
      writer.u32(frame.id);
      writer.text16(frame.why.slice(0, 2000));
      if (frame.begins !== null) writePosition(writer, frame.begins);
      break;
    case 'unsubscribe':
      writer.u32(frame.id);
      break;
    default:
      assertNever(frame);
  }
  return writer.finish();
}

/** The frame in `bytes`, or why they are none. Never throws; a record's bytes are a view. */
export function decodeFrame(bytes: Uint8Array): LinkFrame | MalformedBytes {
  const reader = new ByteReader(bytes);
  const code = reader.u8();
  const frame = readBody(reader, code);
  if (frame === null) return { kind: 'malformed', why: `bad or unknown link frame ${code}` };
  if (reader.isExhausted) return { kind: 'malformed', why: `link frame ${code} ends early` };
  if (reader.remaining > 0) return { kind: 'malformed', why: `link frame ${code} is too long` };
  return frame;
}

function readBody(reader: ByteReader, code: number): LinkFrame | null {
  switch (code) {
    case codes.hello: {
      const version = reader.u8();
      const region = parseRegionId(reader.text8());
      return version === linkVersion && region !== null ? { kind: 'hello', region } : null;
    }
    case codes.subscribe: {
      const id = reader.u32();
      const epoch = parseEpoch(reader.u32());
      const from = readPosition(reader);
      const creditBytes = reader.u32();
      if (epoch === null || from === null) return null;
      return { kind: 'subscribe', id, epoch, from, creditBytes };
    }
    case codes.credit:
      return { kind: 'credit', id: reader.u32(), bytes: reader.u32() };
    case codes.applied: {
      const applied = readPosition(reader);
      const reached = readPosition(reader);
      const store = reader.text16();
      return applied && reached && { kind: 'applied', applied, reached, store };
    }
    case codes.heartbeat:
      return { kind: 'heartbeat' };
    case codes.record:
      return { kind: 'record', id: reader.u32(), bytes: reader.bytes(reader.remaining) };
    case codes.refused:
      return readRefused(reader);
    case codes.unsubscribe:
      return { kind: 'unsubscribe', id: reader.u32() };
    default:
      return null;
  }
}

function readRefused(reader: ByteReader): LinkFrame {
  const [id, why] = [reader.u32(), reader.text16()];
  return { kind: 'refused', id, why, begins: reader.remaining > 0 ? readPosition(reader) : null };
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
