/**
 * The logs of a cluster that has come to rest: what is not void is the same in every region, in
 * order, without a gap; the control topic reads the same everywhere.
 */
import type { Position } from '../../../shared/core/position.ts';
import { groupBy } from '../run/history.ts';

/** Positions are compared as the protocol does: by epoch, then by `lsn`. */
export interface LogPlace {
  readonly epoch: number;
  readonly lsn: bigint;
}

/** A position as it is compared here; null without one. */
export function placeOf(position: Position | null): LogPlace | null {
  return position === null ? null : { epoch: position.epoch, lsn: position.endLsn };
}

export interface LoggedEntry extends LogPlace {
  /** End of the entry before it in its epoch; null for the start of an epoch. */
  readonly prevLsn: bigint | null;
  /** Of everything that the record says of this transaction. */
  readonly digest: string;
}

export interface RegionLog {
  readonly region: string;
  /** Where a copy that the log began with ended; null: it has all of the history. */
  readonly seededAt: LogPlace | null;
  /** Transactions and starts of epochs, as they are in the log. */
  readonly entries: readonly LoggedEntry[];
  /** What the region's database has applied. */
  readonly applied: LogPlace | null;
}

export interface ControlReading {
  readonly region: string;
  readonly records: readonly { readonly offset: bigint; readonly text: string }[];
}

/** The place where every position of an older epoch ends, by epoch. */
export type Cuts = readonly { readonly epoch: number; readonly cut: LogPlace }[];

/** One line per violation in the data logs. */
export function findLogViolations(logs: readonly RegionLog[], cuts: Cuts): string[] {
  const valid = logs.map((log) => ({ ...log, entries: withoutVoid(log.entries, cuts) }));
  return [
    ...valid.flatMap((log) => violationsOfLog(log, cuts)),
    ...findDifferences(valid),
    ...valid.flatMap(({ region, entries, applied }) => {
      if (applied === null || entries.some((entry) => compare(entry, applied) === 0)) return [];
      return [`${region} applied up to ${format(applied)}, which no valid record of it has`];
    }),
  ];
}

/** One line per place where two readers of the control topic differ, or one lacks a record. */
export function findControlViolations(readings: readonly ControlReading[]): string[] {
  const gaps = readings.flatMap(({ region, records }) =>
    records.slice(1).flatMap(({ offset }, index) => {
      const before = records[index]?.offset ?? 0n;
      return offset === before + 1n ? [] : [`${region} read ${offset} after ${before}`];
    }),
  );
  const all = readings.flatMap(({ records }) => records);
  const different = [...groupBy(all, ({ offset }) => String(offset))].flatMap(
    ([offset, records]) => {
      const texts = new Set(records.map(({ text }) => text));
      if (texts.size === 1 && records.length === readings.length) return [];
      return [`control record ${offset}: ${records.length} readers, ${texts.size} texts`];
    },
  );
  return [...gaps, ...different];
}

/** Whether a place lies beyond the cut of any later epoch: what is there counts for nothing. */
export function isVoid(place: LogPlace, cuts: Cuts): boolean {
  return cuts.some(({ epoch, cut }) => epoch > place.epoch && compare(place, cut) > 0);
}

function withoutVoid(entries: readonly LoggedEntry[], cuts: Cuts): readonly LoggedEntry[] {
  return entries.filter((entry) => !isVoid(entry, cuts));
}

function violationsOfLog({ region, entries, seededAt }: RegionLog, cuts: Cuts): string[] {
  const violations: string[] = [];
  const digests = new Map<string, string>();
  let last: LogPlace | null = null;
  for (const entry of entries) {
    const name = format(entry);
    const known = digests.get(name);
    if (known !== undefined) {
      // Sent again after an unknown outcome: the same bytes.
      if (known !== entry.digest) violations.push(`${region} has two records of ${name}`);
      continue;
    }
    digests.set(name, entry.digest);
    const isSeedsFirst = seededAt !== null && last === null;
    // What a copy lacks at its beginning was no longer kept at its source.
    const isInCopy = isSeedsFirst && compare(entry, seededAt) <= 0;
    if (last !== null && compare(entry, last) < 0) {
      violations.push(`${region} has ${name} after ${format(last)}`);
    } else if (!isInCopy) {
      const before = isSeedsFirst ? seededAt : last;
      violations.push(...gapBefore(region, { entry, last: before, cuts }));
    }
    last = entry;
  }
  return violations;
}

function gapBefore(
  region: string,
  { entry, last, cuts }: { entry: LoggedEntry; last: LogPlace | null; cuts: Cuts },
): string[] {
  const before = last === null ? 'nothing' : format(last);
  if (entry.prevLsn === null) {
    const cut = cuts.find(({ epoch }) => epoch === entry.epoch)?.cut;
    const begins = last !== null && cut !== undefined && compare(last, cut) === 0;
    const isFirst = last === null && entry.epoch <= 1;
    return begins || isFirst ? [] : [`${region}: epoch ${entry.epoch} begins after ${before}`];
  }
  const follows = last?.epoch === entry.epoch && last.lsn === entry.prevLsn;
  return follows ? [] : [`${region}: a gap between ${before} and ${format(entry)}`];
}

/** Where two regions' logs overlap they hold the same; every one reaches the end. */
function findDifferences(logs: readonly RegionLog[]): string[] {
  const maps = logs.map(({ region, entries }) => ({
    region,
    first: entries[0],
    held: new Map(entries.map((entry) => [format(entry), entry])),
  }));
  const all = new Map(logs.flatMap(({ entries }) => entries.map((one) => [format(one), one])));
  return [...all].flatMap(([name, entry]) =>
    maps.flatMap(({ region, first, held }) => {
      const own = held.get(name);
      if (own !== undefined) {
        return own.digest === entry.digest ? [] : [`${region} has another record of ${name}`];
      }
      const isOlder = first !== undefined && compare(entry, first) < 0;
      return isOlder ? [] : [`${region} lacks ${name}`];
    }),
  );
}

export function compare(a: LogPlace, b: LogPlace): number {
  if (a.epoch !== b.epoch) return a.epoch - b.epoch;
  return a.lsn < b.lsn ? -1 : a.lsn > b.lsn ? 1 : 0;
}

function format({ epoch, lsn }: LogPlace): string {
  return `${epoch}:${lsn.toString(16)}`;
}
