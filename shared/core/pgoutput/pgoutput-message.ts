/**
 * Decodes messages of pgoutput, protocol version 1, text format (PostgreSQL manual, section
 * "Logical Replication Message Formats"). Tuples keep their values as text.
 */
import { ByteReader, type MalformedBytes } from '../byte-reader.ts';
import type { Lsn } from '../lsn.ts';

/** Replication origin of what the applier writes. */
export const ownOrigin = 'meridian';
/** Schema whose tables never leave their region. */
export const localSchema = 'meridian_local';

export interface RelationColumn {
  readonly isKey: boolean;
  readonly name: string;
  readonly typeOid: number;
}

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** d: default (primary key), n: nothing, f: full, i: index. */
  readonly identity: 'd' | 'n' | 'f' | 'i';
  readonly columns: readonly RelationColumn[];
}

/** A column's value: its text, null, or undefined for a TOASTed value that did not change. */
export type ColumnValue = string | null | undefined;
export type Tuple = readonly ColumnValue[];

export type PgoutputMessage =
  | {
      readonly kind: 'begin';
      /** Start of the commit record. */
      readonly commitLsn: Lsn;
      readonly commitTimeUs: bigint;
      readonly xid: number;
    }
  | { readonly kind: 'commit'; readonly commitLsn: Lsn; readonly endLsn: Lsn }
  | { readonly kind: 'origin'; readonly name: string }
  | { readonly kind: 'relation'; readonly relation: Relation }
  | { readonly kind: 'type' }
  | { readonly kind: 'message' }
  | { readonly kind: 'insert'; readonly relation: number; readonly row: Tuple }
  | {
      readonly kind: 'update';
      readonly relation: number;
      /** Key or whole old row; null when the identity did not change. */
      readonly old: Tuple | null;
      readonly oldIsKey: boolean;
      readonly row: Tuple;
    }
  | {
      readonly kind: 'delete';
      readonly relation: number;
      readonly old: Tuple;
      readonly oldIsKey: boolean;
    }
  | {
      readonly kind: 'truncate';
      readonly relations: readonly number[];
      readonly isCascade: boolean;
      readonly restartsSequences: boolean;
    };

/** First bytes of the messages, as characters. */
export const messageTags = {
  begin: 66,
  commit: 67,
  origin: 79,
  relation: 82,
  type: 89,
  message: 77,
  insert: 73,
  update: 85,
  delete: 68,
  truncate: 84,
} as const;

/** The message in `bytes`, or why it is none. Never throws. */
export function decodePgoutput(bytes: Uint8Array): PgoutputMessage | MalformedBytes {
  const reader = new ByteReader(bytes);
  const tag = reader.u8();
  const message = decodeBody(reader, tag);
  if (message === null) return { kind: 'malformed', why: `unknown pgoutput message ${tag}` };
  if (reader.isExhausted) return { kind: 'malformed', why: `pgoutput message ${tag} ends early` };
  return message;
}

/** The relation that an insert, update or delete message names; 0 when it is too short. */
export function relationOidOf(bytes: Uint8Array): number {
  const [, a = 0, b = 0, c = 0, d] = bytes;
  return d === undefined ? 0 : ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

function decodeBody(reader: ByteReader, tag: number): PgoutputMessage | null {
  switch (tag) {
    case messageTags.begin: {
      const commitLsn = reader.u64() as Lsn;
      return { kind: 'begin', commitLsn, commitTimeUs: reader.i64(), xid: reader.u32() };
    }
    case messageTags.commit: {
      reader.u8();
      const commitLsn = reader.u64() as Lsn;
      const endLsn = reader.u64() as Lsn;
      reader.i64();
      return { kind: 'commit', commitLsn, endLsn };
    }
    case messageTags.origin:
      reader.u64();
      return { kind: 'origin', name: reader.textZ() };
    case messageTags.relation:
      return readRelation(reader);
    case messageTags.type:
      return { kind: 'type' };
    case messageTags.message:
      return { kind: 'message' };
    case messageTags.insert: {
      const relation = reader.u32();
      return reader.u8() === 78 ? { kind: 'insert', relation, row: readTuple(reader) } : null;
    }
    case messageTags.update:
      return readUpdate(reader);
    case messageTags.delete: {
      const relation = reader.u32();
      const mark = reader.u8();
      if (mark !== 75 && mark !== 79) return null;
      return { kind: 'delete', relation, old: readTuple(reader), oldIsKey: mark === 75 };
    }
    case messageTags.truncate:
      return readTruncate(reader);
    default:
      return null;
  }
}

function readRelation(reader: ByteReader): PgoutputMessage | null {
  const oid = reader.u32();
  const schema = reader.textZ() || 'pg_catalog';
  const name = reader.textZ();
  const identity = String.fromCharCode(reader.u8());
  if (identity !== 'd' && identity !== 'n' && identity !== 'f' && identity !== 'i') return null;
  const count = reader.u16();
  const columns: RelationColumn[] = [];
  for (let index = 0; index < count && !reader.isExhausted; index += 1) {
    const flags = reader.u8();
    const column = reader.textZ();
    const typeOid = reader.u32();
    reader.i32();
    columns.push({ isKey: (flags & 1) !== 0, name: column, typeOid });
  }
  return { kind: 'relation', relation: { oid, schema, name, identity, columns } };
}

function readUpdate(reader: ByteReader): PgoutputMessage | null {
  const relation = reader.u32();
  let mark = reader.u8();
  let old: Tuple | null = null;
  const oldIsKey = mark === 75;
  if (mark === 75 || mark === 79) {
    old = readTuple(reader);
    mark = reader.u8();
  }
  return mark === 78 ? { kind: 'update', relation, old, oldIsKey, row: readTuple(reader) } : null;
}

function readTruncate(reader: ByteReader): PgoutputMessage {
  const count = reader.u32();
  const options = reader.u8();
  const relations: number[] = [];
  for (let index = 0; index < count && !reader.isExhausted; index += 1) {
    relations.push(reader.u32());
  }
  const isCascade = (options & 1) !== 0;
  return { kind: 'truncate', relations, isCascade, restartsSequences: (options & 2) !== 0 };
}

function readTuple(reader: ByteReader): ColumnValue[] {
  const count = reader.u16();
  const values: ColumnValue[] = new Array<ColumnValue>(count);
  for (let index = 0; index < count && !reader.isExhausted; index += 1) {
    const kind = reader.u8();
    if (kind === 116) values[index] = reader.text(reader.u32());
    else values[index] = kind === 110 ? null : undefined;
  }
  return values;
}
