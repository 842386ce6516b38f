/**
 * Reads what a node's own slot still yields beyond a position, without moving the slot: committed
 * transactions in order, large ones in parts. It is read with SQL: a node that runs isolated admits
 * no walsender. What is region-local, and what the applier wrote, is left out.
 */
import type { Epoch } from '../../../../shared/core/epoch.ts';
import { publicationOf } from '../../../../shared/core/epoch.ts';
import { formatLsn, parseLsn, type Lsn } from '../../../../shared/core/lsn.ts';
import {
  decodePgoutput,
  localSchema,
  messageTags,
  ownOrigin,
  relationOidOf,
} from '../../../../shared/core/pgoutput/pgoutput-message.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { PgClient } from '../../../../shared/pg/client.ts';
import { quoteIdent, quoteLiteral } from '../../../../shared/pg/quote.ts';
import type { TailPart } from './tail-log.ts';

const rowsAtOnce = 500;

/**
 * Why the slot of `epoch` does not yield everything after `known`, in words; null when it does. It
 * moves on only over what the region's log has, so it must not be past what that says.
 */
export async function slotObstacle(
  client: PgClient,
  epoch: Epoch,
  known: Lsn,
): Promise<string | null> {
  const slot = publicationOf(epoch);
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT coalesce(wal_status, 'lost') AS status, plugin,
       confirmed_flush_lsn::text AS confirmed FROM pg_replication_slots
     WHERE slot_name = $1 AND database = current_database()`,
    [slot],
  );
  const [found] = rows;
  if (found === undefined) return `the node has no slot ${slot}`;
  if (found['status'] === 'lost' || found['plugin'] !== 'pgoutput') return `${slot} is lost`;
  const confirmed = parseLsn(found['confirmed'] ?? '');
  if (confirmed !== null && confirmed <= known) return null;
  const past = confirmed === null ? 'an unknown place' : formatLsn(confirmed);
  return `${slot} has gone on to ${past}, the region's log tells up to ${formatLsn(known)}`;
}

/** Everything that the slot of `epoch` yields after `from`, up to the end of the node's WAL. */
export async function* readSlotTail(
  client: PgClient,
  epoch: Epoch,
  from: Lsn,
): AsyncGenerator<TailPart> {
  const ends = await commitsAfter(client, epoch, from);
  if (ends.size === 0) return;
  const reader = new SlotMessages(epoch, ends);
  await client.query('BEGIN');
  try {
    const sql = `SELECT encode(data, 'hex') AS data FROM ${peek(epoch)}`;
    await client.query(`DECLARE tail NO SCROLL CURSOR FOR ${sql}`);
    for (;;) {
      const { rows } = await client.query<{ data: string }>(`FETCH ${rowsAtOnce} FROM tail`);
      if (rows.length === 0) break;
      yield* reader.take(rows.map(({ data }) => Buffer.from(data, 'hex')));
    }
  } finally {
    await client.query('ROLLBACK').catch(() => undefined);
  }
}

/** Where each transaction after `from` ends: its first changes come long before its end. */
async function commitsAfter(
  client: PgClient,
  epoch: Epoch,
  from: Lsn,
): Promise<ReadonlyMap<number, Lsn>> {
  const { rows } = await client.query<{ xid: string; data: string }>(
    `SELECT xid::text AS xid, encode(data, 'hex') AS data FROM ${peek(epoch)}
     WHERE get_byte(data, 0) = ${messageTags.commit}`,
  );
  const ends = rows.map(({ xid, data }): [number, Lsn] => {
    const message = decodePgoutput(Buffer.from(data, 'hex'));
    if (message.kind === 'commit') return [Number(xid), message.endLsn];
    throw new MeridianError('ProtocolViolation', 'a commit of the slot cannot be read');
  });
  return new Map(ends.filter(([, end]) => end > from));
}

function peek(epoch: Epoch): string {
  const name = publicationOf(epoch);
  return `pg_logical_slot_peek_binary_changes(${quoteLiteral(name)}, NULL, NULL,
    'proto_version', '1', 'publication_names', ${quoteLiteral(quoteIdent(name))})`;
}

interface OpenTransaction {
  readonly xid: number;
  readonly commitTimeUs: bigint;
  /** Null: its rows are not listed, what it says of relations is. */
  end: Lsn | null;
  isBegun: boolean;
}

/** Makes parts of the messages of one decoding session. */
class SlotMessages {
  readonly #epoch: Epoch;
  readonly #ends: ReadonlyMap<number, Lsn>;
  readonly #local = new Set<number>();
  #open: OpenTransaction | null = null;

  constructor(epoch: Epoch, ends: ReadonlyMap<number, Lsn>) {
    this.#epoch = epoch;
    this.#ends = ends;
  }

  *take(messages: readonly Uint8Array[]): Generator<TailPart> {
    let kept: Uint8Array[] = [];
    for (const bytes of messages) {
      const tag = bytes[0];
      if (tag === messageTags.begin) this.#begin(bytes);
      else if (tag === messageTags.origin) this.#takeOrigin(bytes);
      else if (tag === messageTags.commit) {
        if (kept.length > 0) yield this.#part(kept);
        kept = [];
        this.#open = null;
      } else if (this.#isKept(bytes)) kept.push(bytes);
    }
    if (kept.length > 0) yield this.#part(kept);
  }

  #begin(bytes: Uint8Array): void {
    const message = decodePgoutput(bytes);
    if (message.kind !== 'begin') throw unreadable(message);
    const { xid, commitTimeUs } = message;
    this.#open = { xid, commitTimeUs, end: this.#ends.get(xid) ?? null, isBegun: false };
  }

  #takeOrigin(bytes: Uint8Array): void {
    const message = decodePgoutput(bytes);
    if (message.kind !== 'origin') throw unreadable(message);
    if (message.name === ownOrigin && this.#open !== null) this.#open.end = null;
  }

  #isKept(bytes: Uint8Array): boolean {
    switch (bytes[0]) {
      case messageTags.relation: {
        const message = decodePgoutput(bytes);
        if (message.kind !== 'relation') throw unreadable(message);
        const { oid, schema } = message.relation;
        if (schema === localSchema) this.#local.add(oid);
        return true;
      }
      case messageTags.insert:
      case messageTags.update:
      case messageTags.delete:
        return this.#isListed() && !this.#local.has(relationOidOf(bytes));
      case messageTags.truncate: {
        const message = decodePgoutput(bytes);
        if (message.kind !== 'truncate') throw unreadable(message);
        return this.#isListed() && !message.relations.every((oid) => this.#local.has(oid));
      }
      default:
        return false;
    }
  }

  #isListed(): boolean {
    return this.#open !== null && this.#open.end !== null;
  }

  #part(messages: readonly Uint8Array[]): TailPart {
    const open = this.#open;
    if (open === null) throw new MeridianError('ProtocolViolation', 'a row outside a transaction');
    const isOnlyAboutRelations = messages.every((bytes) => bytes[0] === messageTags.relation);
    const isFirst = !isOnlyAboutRelations && !open.isBegun;
    if (isFirst) open.isBegun = true;
    const { xid, commitTimeUs } = open;
    const position = { epoch: this.#epoch, endLsn: open.end ?? (0n as Lsn) };
    return { position, xid, commitTimeUs, isFirst, messages };
  }
}

function unreadable(message: { readonly kind: string }): MeridianError {
  return new MeridianError('ProtocolViolation', `a message of the slot is ${message.kind}`);
}
