/**
 * What clients wrote, were told and saw, and the checks on it. It knows everything at once, which
 * no region does; no decision of a region may read it.
 */
import type { EpochCut } from '../../shared/core/consistency.ts';
import type { DurabilityMode } from '../../shared/core/durability.ts';
import {
  comparePositions,
  formatPosition,
  isAtOrPast,
  type Position,
} from '../../shared/core/position.ts';
import type { Totals } from './totals.ts';
import { hold } from './violation.ts';

/** A transaction, or the start of an epoch, which counts as one. */
export interface Transaction {
  readonly position: Position;
  /** 0 for the start of an epoch. */
  readonly id: number;
  /** Becomes async when it was released unconfirmed, which the reply says. */
  mode: Extract<DurabilityMode, 'async' | 'semi-sync' | 'sync'>;
}

/** A strong read under way: it begins, the database answers, the lease is checked. */
export interface StrongRead {
  /** How many writes had been confirmed when it began. */
  readonly mustSee: number;
  /** What its snapshot held; null until the database has answered. */
  rows: ReadonlySet<Transaction> | null;
}

export class Ledger {
  /** Everything that a client may hold a token of. */
  readonly tokens: Transaction[] = [];
  readonly #confirmed: Transaction[] = [];
  /** Gated writes that a strong read has shown. */
  readonly #observed = new Set<Transaction>();
  readonly #forced: EpochCut[] = [];
  readonly #totals: Totals;
  #lastId = 0;

  constructor(totals: Totals) {
    this.#totals = totals;
  }

  get confirmedCount(): number {
    return this.#confirmed.length;
  }

  write(position: Position, mode: Transaction['mode']): Transaction {
    this.#lastId += 1;
    return { position, id: this.#lastId, mode };
  }

  confirm(transaction: Transaction): void {
    this.#confirmed.push(transaction);
    this.tokens.push(transaction);
    this.#totals.count('confirmed writes');
  }

  /** A forced failover: what lies beyond its cut is listed as lost, not required any more. */
  excuseBeyond(cut: EpochCut): void {
    if (this.#forced.some(({ epoch }) => epoch === cut.epoch)) return;
    this.#forced.push(cut);
    this.#totals.count('forced failovers');
  }

  isExcused({ position }: Transaction): boolean {
    return this.#forced.some(
      ({ epoch, cut }) => position.epoch < epoch && comparePositions(position, cut) > 0,
    );
  }

  beginRead(): StrongRead {
    return { mustSee: this.#confirmed.length, rows: null };
  }

  /** The reply leaves: it shows all that it must, and nothing seen before has vanished. */
  endRead(read: StrongRead, where: string, isBinding: boolean): void {
    const { rows, mustSee } = read;
    if (rows === null) throw new Error('the database has not answered yet');
    this.#totals.count('strong reads');
    for (const write of this.#confirmed.slice(0, mustSee)) {
      hold(
        rows.has(write) || this.isExcused(write),
        () => `stale strong read at ${where}: ${describe(write)} is missing`,
      );
    }
    for (const seen of this.#observed) {
      hold(
        rows.has(seen) || this.isExcused(seen),
        () => `strong read at ${where}: ${describe(seen)}, seen before, has vanished`,
      );
    }
    if (!isBinding) return;
    for (const row of rows) {
      if (row.mode !== 'async' && row.id !== 0) this.#observed.add(row);
    }
  }

  /** The verdict on a token must agree with what the region holds. */
  checkVerdict(
    token: Transaction,
    verdict: 'satisfied' | 'wait' | 'lost',
    region: { readonly name: string; readonly holds: readonly Transaction[] },
  ): void {
    this.#totals.count('token checks');
    if (verdict === 'wait') return;
    if (verdict === 'lost') this.#totals.count('lost tokens');
    const isPresent = region.holds.includes(token);
    hold(
      isPresent === (verdict === 'satisfied'),
      () => `token ${describe(token)} is called ${verdict} at ${region.name}`,
    );
  }

  /** Everything confirmed and not excused that `held` lacks. */
  missingFrom(held: readonly Transaction[]): readonly Transaction[] {
    const rows = new Set(held);
    return this.#confirmed.filter((write) => !rows.has(write) && !this.isExcused(write));
  }
}

/** The history of a follower is the first part of its primary's, element by element. */
export function checkPrefix(
  follower: { readonly name: string; readonly holds: readonly Transaction[] },
  primary: { readonly name: string; readonly holds: readonly Transaction[] },
): void {
  hold(
    follower.holds.every((transaction, place) => primary.holds[place] === transaction),
    () => `the history of ${follower.name} is no prefix of ${primary.name}'s`,
  );
}

/** Where a list of transactions ends. */
export function endOf(list: readonly Transaction[], start: Position): Position {
  return list.at(-1)?.position ?? start;
}

/** The transactions of `list` beyond `position`; `list` is in order. */
export function beyond(list: readonly Transaction[], position: Position): Transaction[] {
  let first = list.length;
  while (first > 0 && !isAtOrPast(position, positionAt(list, first - 1))) first -= 1;
  return list.slice(first);
}

/** The first transaction of `list` beyond `position`. */
export function nextBeyond(
  list: readonly Transaction[],
  position: Position,
): Transaction | undefined {
  let first = list.length;
  while (first > 0 && !isAtOrPast(position, positionAt(list, first - 1))) first -= 1;
  return list[first];
}

function positionAt(list: readonly Transaction[], place: number): Position {
  const transaction = list[place];
  if (transaction === undefined) throw new RangeError(`no transaction at ${place}`);
  return transaction.position;
}

function describe({ id, position, mode }: Transaction): string {
  return `write ${id} (${mode}) at ${formatPosition(position)}`;
}
