/**
 * Makes commit records of the pgoutput messages of one epoch: packs small transactions, cuts large
 * ones into chunks by bytes, chains them by `prevEndLsn`, and sees to it that each record carries
 * the relation messages it needs. It leaves out region-local tables, transactions that carry
 * Meridian's own replication origin, and what the log already holds.
 */
import { assertNever } from '../../../shared/core/assert.ts';
import type { ChunkRecord, CommitRecord } from '../../../shared/core/commit-record.ts';
import type { LoggedTransaction } from '../../../shared/core/commit-record.ts';
import type { Epoch } from '../../../shared/core/epoch.ts';
import type { Lsn } from '../../../shared/core/lsn.ts';
import type { RegionId } from '../../../shared/core/region.ts';
import {
  decodePgoutput,
  localSchema,
  messageTags,
  ownOrigin,
  relationOidOf,
} from '../../../shared/core/pgoutput/pgoutput-message.ts';

export interface AssemblerState {
  readonly epoch: Epoch;
  readonly origin: RegionId;
  readonly chunkBytesMax: number;
  /** `endLsn` of the last transaction recorded in this epoch; 0 before the first. */
  readonly lastEndLsn: Lsn;
  /** Every commit up to here was seen. */
  readonly passedLsn: Lsn;
  readonly relations: ReadonlyMap<number, KnownRelation>;
  readonly open: OpenTransaction | null;
}

interface KnownRelation {
  readonly message: Uint8Array;
  readonly isCarried: boolean;
}

interface OpenTransaction {
  readonly xid: number;
  readonly commitLsn: Lsn;
  readonly commitTimeUs: bigint;
  isSkipped: boolean;
  messages: Uint8Array[];
  /** Relations whose message is among `messages` already. */
  announced: Set<number>;
  bytes: number;
  parts: number;
}

export type AssemblerInput =
  /** Consecutive pgoutput messages, in the order sent. */
  { readonly kind: 'messagesRead'; readonly messages: readonly Uint8Array[] };

export interface AssemblerStep {
  readonly state: AssemblerState;
  readonly records: readonly CommitRecord[];
  /** Not null when the stream cannot be understood: nothing after it may be recorded. */
  readonly malformed: string | null;
}

/** The state before the first message of a decoding session. */
export function initialAssembler(
  facts: Pick<AssemblerState, 'epoch' | 'origin' | 'chunkBytesMax' | 'lastEndLsn'>,
): AssemblerState {
  return { ...facts, passedLsn: facts.lastEndLsn, relations: new Map(), open: null };
}

/** Takes messages in; the state given must not be used again. */
export function stepAssembler(state: AssemblerState, input: AssemblerInput): AssemblerStep {
  const run = new AssemblerRun(state);
  for (const message of input.messages) {
    const why = run.take(message);
    if (why !== null) return { state, records: [], malformed: why };
  }
  return { ...run.finish(), malformed: null };
}

/** The work on one input; mutable inside, one input long. */
class AssemblerRun {
  readonly #start: AssemblerState;
  readonly #relations: Map<number, KnownRelation>;
  readonly #records: CommitRecord[] = [];
  #open: OpenTransaction | null;
  #pack: LoggedTransaction[] = [];
  #packRelations = new Map<number, Uint8Array>();
  #lastEndLsn: Lsn;
  #passedLsn: Lsn;

  constructor(state: AssemblerState) {
    this.#start = state;
    this.#relations = state.relations as Map<number, KnownRelation>;
    this.#open = state.open;
    this.#lastEndLsn = state.lastEndLsn;
    this.#passedLsn = state.passedLsn;
  }

  /** Takes one message; returns why the stream cannot be understood, or null. */
  take(bytes: Uint8Array): string | null {
    switch (bytes[0]) {
      case messageTags.insert:
      case messageTags.update:
      case messageTags.delete:
        return this.#takeRow(bytes);
      case messageTags.relation:
        return this.#takeRelation(bytes);
      case messageTags.type:
      case messageTags.message:
        return null;
      default:
        return this.#takeRare(bytes);
    }
  }

  finish(): Pick<AssemblerStep, 'state' | 'records'> {
    this.#flushPack();
    const state: AssemblerState = {
      ...this.#start,
      relations: this.#relations,
      open: this.#open,
      lastEndLsn: this.#lastEndLsn,
      passedLsn: this.#passedLsn,
    };
    return { state, records: this.#records };
  }

  #takeRare(bytes: Uint8Array): string | null {
    const message = decodePgoutput(bytes);
    switch (message.kind) {
      case 'begin': {
        if (this.#open !== null) return 'a transaction begins within another';
        const { xid, commitLsn, commitTimeUs } = message;
        // Commit records do not overlap: one that starts before the last end is recorded already.
        const isSkipped = commitLsn < this.#lastEndLsn;
        const fresh = { messages: [], announced: new Set<number>(), bytes: 0, parts: 0 };
        this.#open = { xid, commitLsn, commitTimeUs, isSkipped, ...fresh };
        return null;
      }
      case 'origin':
        if (this.#open === null) return 'an origin outside a transaction';
        if (message.name === ownOrigin) this.#open.isSkipped = true;
        return null;
      case 'commit':
        return this.#commit(message.endLsn);
      case 'truncate':
        return this.#takeTruncate(bytes, message.relations);
      case 'malformed':
        return message.why;
      case 'relation':
      case 'type':
      case 'message':
      case 'insert':
      case 'update':
      case 'delete':
        return 'a message in the wrong branch';
      default:
        return assertNever(message);
    }
  }

  #takeRelation(bytes: Uint8Array): string | null {
    const message = decodePgoutput(bytes);
    if (message.kind !== 'relation') return 'a relation message cannot be read';
    const { oid, schema } = message.relation;
    this.#relations.set(oid, { message: bytes.slice(), isCarried: schema !== localSchema });
    this.#open?.announced.delete(oid);
    return null;
  }

  #takeRow(bytes: Uint8Array): string | null {
    const open = this.#open;
    if (open === null) return 'a row outside a transaction';
    if (open.isSkipped) return null;
    const oid = relationOidOf(bytes);
    const relation = this.#relations.get(oid);
    if (relation === undefined) return `a row of relation ${oid} that was not announced`;
    if (!relation.isCarried) return null;
    this.#announce(open, oid, relation);
    this.#add(open, bytes);
    return null;
  }

  #takeTruncate(bytes: Uint8Array, oids: readonly number[]): string | null {
    const open = this.#open;
    if (open === null) return 'a TRUNCATE outside a transaction';
    if (open.isSkipped) return null;
    for (const oid of oids) {
      const relation = this.#relations.get(oid);
      if (relation === undefined) return `a TRUNCATE of relation ${oid} that was not announced`;
      if (!relation.isCarried) return null;
      this.#announce(open, oid, relation);
    }
    this.#add(open, bytes);
    return null;
  }

  #announce(open: OpenTransaction, oid: number, relation: KnownRelation): void {
    if (open.announced.has(oid)) return;
    open.announced.add(oid);
    open.messages.push(relation.message);
    open.bytes += relation.message.byteLength;
  }

  #add(open: OpenTransaction, bytes: Uint8Array): void {
    open.messages.push(bytes);
    open.bytes += bytes.byteLength;
    if (open.bytes >= this.#start.chunkBytesMax) this.#flushChunk(open, null);
  }

  #commit(endLsn: Lsn): string | null {
    const open = this.#open;
    if (open === null) return 'a commit without a transaction';
    this.#open = null;
    this.#passedLsn = endLsn > this.#passedLsn ? endLsn : this.#passedLsn;
    if (open.isSkipped || (open.messages.length === 0 && open.parts === 0)) return null;
    if (open.parts > 0) {
      this.#flushChunk(open, endLsn);
    } else {
      const { xid, commitTimeUs } = open;
      const messages = this.#withoutRepeatedRelations(open.messages);
      const prevEndLsn = this.#lastEndLsn;
      this.#pack.push({ xid, prevEndLsn, endLsn, commitTimeUs, messages });
    }
    this.#lastEndLsn = endLsn;
    return null;
  }

  /** The messages without relation messages that the pack carries already. */
  #withoutRepeatedRelations(messages: readonly Uint8Array[]): Uint8Array[] {
    return messages.filter((message) => {
      if (message[0] !== messageTags.relation) return true;
      const oid = relationOidOf(message);
      if (this.#packRelations.get(oid) === message) return false;
      this.#packRelations.set(oid, message);
      return true;
    });
  }

  #flushPack(): void {
    if (this.#pack.length === 0) return;
    const { epoch, origin } = this.#start;
    this.#records.push({ kind: 'transactions', epoch, origin, transactions: this.#pack });
    this.#pack = [];
    this.#packRelations = new Map();
  }

  #flushChunk(open: OpenTransaction, endLsn: Lsn | null): void {
    this.#flushPack();
    const { epoch, origin } = this.#start;
    const record: ChunkRecord = {
      kind: 'chunk',
      epoch,
      origin,
      xid: open.xid,
      part: open.parts,
      isLast: endLsn !== null,
      prevEndLsn: this.#lastEndLsn,
      endLsn,
      commitTimeUs: open.commitTimeUs,
      messages: open.messages,
    };
    this.#records.push(record);
    open.parts += 1;
    open.messages = [];
    open.bytes = 0;
    open.announced = new Set();
  }
}
