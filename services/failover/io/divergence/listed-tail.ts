/**
 * Writes the rows of a tail to the table at the open primary, in batches, and tells what they say
 * of rows before. The same parts have the same numbers again, whenever they are listed.
 */
import type { PgClient } from '../../../../shared/pg/client.ts';
import {
  TailReader,
  type RowText,
  type TailRow,
} from '../../../../shared/core/pgoutput/tail-row.ts';
import type { Position } from '../../../../shared/core/position.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import {
  addRows,
  rowNow,
  type Confirmed,
  type DivergenceId,
  type ListedRow,
} from './diverged-store.ts';
import type { TailPart } from './tail-log.ts';

/** Runs work on the target's node, bounded. */
export type OnTarget = <T>(work: (client: PgClient) => Promise<T>) => Promise<T>;

const batchRowsMax = 5000;
const batchBytesMax = 1_000_000;
/** Rows of the list that are remembered, to tell the row before of a later change. */
const rememberedMax = 50_000;

/** The rows that are listed of one holder, part after part. */
export class ListedTail {
  readonly #batch: Batch;
  transactions = 0;
  /** Where the last part ends. */
  reached: Position | null;

  constructor(onTarget: OnTarget, id: DivergenceId, after: Position | null) {
    this.#batch = new Batch(onTarget, id);
    this.reached = after;
  }

  get rows(): number {
    return this.#batch.count;
  }

  async add(part: TailPart, confirmed: Confirmed): Promise<void> {
    const { position, xid, commitTimeUs } = part;
    const read = this.#batch.reader.read(part.messages);
    if (read.kind === 'malformed') throw new MeridianError('ProtocolViolation', read.why);
    if (part.isFirst) this.transactions += 1;
    this.reached = position;
    const { request } = read;
    for (const row of read.rows) {
      await this.#batch.add({ row, position, xid, commitTimeUs, confirmed, request });
    }
  }

  flush(): Promise<void> {
    return this.#batch.flush();
  }
}

class Batch {
  readonly reader = new TailReader();
  readonly #onTarget: OnTarget;
  readonly #id: DivergenceId;
  readonly #known = new Map<string, RowText | null>();
  #rows: ListedRow[] = [];
  #bytes = 0;
  count = 0;

  constructor(onTarget: OnTarget, id: DivergenceId) {
    this.#onTarget = onTarget;
    this.#id = id;
  }

  async add(found: Omit<ListedRow, 'ordinal' | 'beforeFrom'>): Promise<void> {
    const { row, beforeFrom } = await this.#withBefore(found.row);
    this.count += 1;
    this.#rows.push({ ...found, row, beforeFrom, ordinal: this.count });
    this.#bytes += JSON.stringify([row.key, row.before, row.after]).length;
    if (this.#rows.length >= batchRowsMax || this.#bytes >= batchBytesMax) await this.flush();
  }

  async flush(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    this.#bytes = 0;
    if (rows.length === 0) return;
    await this.#onTarget((client) => addRows(client, this.#id, rows));
  }

  /** The record has the key of the row before, seldom more: the rest is known otherwise. */
  async #withBefore(row: TailRow): Promise<Pick<ListedRow, 'row' | 'beforeFrom'>> {
    const { command, key, before, after } = row;
    if (key === null || command === 'ddl' || command === 'truncate') {
      return { row, beforeFrom: null };
    }
    const name = JSON.stringify([row.schema, row.table, key]);
    const known = this.#known.get(name);
    this.#remember(row, { name, after });
    if (command === 'insert') return { row, beforeFrom: null };
    const isWhole = before !== null && Object.keys(before).length > Object.keys(key).length;
    if (isWhole) return { row, beforeFrom: 'record' };
    if (known !== undefined) return { row: { ...row, before: known }, beforeFrom: 'tail' };
    const now = await this.#onTarget((client) => rowNow(client, row));
    return now === null
      ? { row, beforeFrom: before === null ? null : 'record' }
      : { row: { ...row, before: now }, beforeFrom: 'primary' };
  }

  #remember(
    row: TailRow,
    { name, after }: { readonly name: string; readonly after: RowText | null },
  ): void {
    if (this.#known.size >= rememberedMax) return;
    const old = this.#known.get(name);
    // TOASTed values that did not change are as they were.
    const whole = after === null || old === undefined ? after : { ...old, ...after };
    this.#known.set(name, whole);
    const keyAfter = row.command === 'update' && row.key !== null ? keyIn(row.key, whole) : null;
    if (keyAfter === null) return;
    this.#known.set(JSON.stringify([row.schema, row.table, keyAfter]), whole);
  }
}

/** The key columns of `key` as the row `after` has them. */
function keyIn(key: RowText, after: RowText | null): RowText | null {
  if (after === null) return null;
  return Object.fromEntries(Object.keys(key).map((name) => [name, after[name] ?? null]));
}
