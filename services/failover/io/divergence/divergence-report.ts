/**
 * Lists a diverged tail at the open primary: read from the own log, written in batches. Repeating
 * it writes the same rows under the same numbers, so that a crash in its middle is harmless.
 */
import type { PgClient } from '../../../../shared/pg/client.ts';
import { isAtOrPast, type Position } from '../../../../shared/core/position.ts';
import {
  TailReader,
  type RowText,
  type TailRow,
} from '../../../../shared/core/pgoutput/tail-row.ts';
import type { RegionId } from '../../../../shared/core/region.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { DataLog } from '../../../../shared/ports/data-log.ts';
import type { EffectBody } from '../../core/controller-effect.ts';
import type { EffectResult } from '../../core/controller-input.ts';
import {
  addRows,
  addUnlistable,
  rowNow,
  type Confirmed,
  type ListedRow,
} from './diverged-store.ts';
import { readTail } from './tail-log.ts';

export type ListTail = Extract<EffectBody, { kind: 'listTail' }>;

export interface ReportOptions {
  readonly region: RegionId;
  readonly log: DataLog;
  /** Runs work on the target's node, bounded. */
  readonly onTarget: <T>(work: (client: PgClient) => Promise<T>) => Promise<T>;
  readonly signal: AbortSignal;
}

const batchRowsMax = 5000;
const batchBytesMax = 1_000_000;
/** Rows of the list that are remembered, to tell the row before of a later change. */
const rememberedMax = 50_000;

/** Result `tailListed`; rejects when the log or the target does not answer. */
export async function listTail(options: ReportOptions, effect: ListTail): Promise<EffectResult> {
  const { region, onTarget } = options;
  const id = { region, epoch: effect.epoch };
  const counts = { transactions: 0, rows: 0 };
  let reached = effect.after;
  if (effect.after !== null) {
    const batch = new Batch(options, id.epoch);
    for await (const part of readTail(options.log, effect.after, options.signal)) {
      const read = batch.reader.read(part.messages);
      if (read.kind === 'malformed') throw new MeridianError('ProtocolViolation', read.why);
      const confirmed = confirmedOf(effect, part.position);
      const { position, xid, commitTimeUs } = part;
      if (part.isFirst) counts.transactions += 1;
      reached = position;
      for (const row of read.rows) {
        const { request } = read;
        await batch.add({ row, position, xid, commitTimeUs, confirmed, request });
      }
    }
    await batch.flush();
    counts.rows = batch.count;
  }
  const { upTo } = effect;
  const isListed = reached !== null && upTo !== null && isAtOrPast(reached, upTo);
  if (!isListed) {
    const confirmed = effect.mayBeConfirmed ? 'unknown' : 'async-only';
    const tail = { ordinal: counts.rows + 1, confirmed, why: effect.why } as const;
    await onTarget((client) => addUnlistable(client, id, tail));
  }
  return { kind: 'tailListed', ...counts, isListed };
}

function confirmedOf({ mayBeConfirmed, confirmedUpTo }: ListTail, position: Position): Confirmed {
  if (confirmedUpTo !== null && isAtOrPast(confirmedUpTo, position)) return 'yes';
  return mayBeConfirmed ? 'unknown' : 'async-only';
}

/** Rows on their way to the table, and what they say of rows before. */
class Batch {
  readonly reader = new TailReader();
  readonly #options: ReportOptions;
  readonly #epoch: number;
  readonly #known = new Map<string, RowText | null>();
  #rows: ListedRow[] = [];
  #bytes = 0;
  count = 0;

  constructor(options: ReportOptions, epoch: number) {
    this.#options = options;
    this.#epoch = epoch;
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
    const id = { region: this.#options.region, epoch: this.#epoch };
    await this.#options.onTarget((client) => addRows(client, id, rows));
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
    const now = await this.#options.onTarget((client) => rowNow(client, row));
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
