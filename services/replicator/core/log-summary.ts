/**
 * What the own log holds, told by a text that is kept beside it: a start that finds one reads only
 * what was appended since. It proves nothing by itself; `resumedFrom` says what must be found in
 * the log, so that a summary of another log, or of records that are gone, is not believed.
 */
import {
  NotAsExpected,
  listOf,
  oneOf,
  orNull,
  parseJson,
  parsed,
  readCount,
  readObject,
  readPosition,
  readText,
  type Reader,
} from '../../../shared/core/json-reader.ts';
import { endPositionOf, type CommitRecord } from '../../../shared/core/commit-record.ts';
import { parseLogOffset, type LogOffset } from '../../../shared/core/log-offset.ts';
import { formatPosition, type Position } from '../../../shared/core/position.ts';
import type { LogMapState, LogMark } from './log-map.ts';
import type { LocalFacts } from './log-repeat.ts';

export interface LogFacts extends LocalFacts {
  /** The log holds everything after this; null while it holds nothing. */
  readonly begins: Position | null;
  /** Epochs whose start the log holds or held. */
  readonly startedEpochs: ReadonlySet<number>;
}

/** What is told of one record, enough to know it again. */
export interface RecordSketch {
  readonly offset: LogOffset;
  readonly kind: string;
  readonly byteLength: number;
  readonly end: Position | null;
}

export interface LogSummary {
  /** Where the log began. */
  readonly start: LogOffset;
  /** The last record that is counted. */
  readonly last: RecordSketch;
  readonly facts: LogFacts;
  readonly map: LogMapState;
}

/** What a log begins with now, and the two of its records that a summary must agree with. */
export interface FoundLog {
  readonly start: LogOffset;
  /** The record at `facts.places.seed`. */
  readonly seed: CommitRecord;
  readonly last: RecordSketch;
}

const version = 1;
/** A coarser map does as well, and is quickly written. */
const marksMax = 4096;
/** A record of this size may lie in several messages: it is not found by its offset alone. */
const sketchedBytesMax = 4 * 1024 * 1024;

export function sketchOf(
  record: CommitRecord,
  of: { readonly offset: LogOffset; readonly byteLength: number },
): RecordSketch {
  const { offset, byteLength } = of;
  return { offset, kind: record.kind, byteLength, end: endPositionOf(record) };
}

/** Whether a start could find `summary` true later on. */
export function isUsable({ facts, last }: LogSummary): boolean {
  const isNamed = facts.store !== null && facts.places.seed !== undefined;
  return isNamed && facts.begins !== null && last.byteLength <= sketchedBytesMax;
}

/** The summary as the log is now, or null when it is not of this log. */
export function resumedFrom(summary: LogSummary, found: FoundLog): LogSummary | null {
  const { facts, map, last } = summary;
  // The store's name was drawn for this log, and stands in it at that very place.
  if (found.seed.kind !== 'seed' || found.seed.store !== facts.store) return null;
  if (JSON.stringify(textOf(found.last)) !== JSON.stringify(textOf(last))) return null;
  // A broker that was killed may show again what was deleted: nobody counts on that.
  if (found.start <= summary.start) return summary;
  const mark = map.marks.find(({ offset }) => offset === found.start);
  if (mark === undefined) return null;
  const later = map.marks.filter(({ offset }) => offset > mark.offset);
  return {
    ...{ start: found.start, last },
    facts: { ...facts, begins: mark.end },
    map: { ...map, marks: later, bytesDropped: Math.max(map.bytesDropped, mark.bytesBefore) },
  };
}

export function encodeSummary({ start, last, facts, map }: LogSummary): string {
  const { begins, told, opened, places } = facts;
  return JSON.stringify({
    v: version,
    start: String(start),
    last: textOf(last),
    facts: {
      ...facts,
      begins: positionText(begins),
      last: formatPosition(facts.last),
      told: positionText(told),
      opened: opened === null ? null : { epoch: opened.epoch, timeline: opened.timeline },
      startedEpochs: [...facts.startedEpochs],
      places: Object.entries(places).map(([kind, offset]) => ({ kind, offset: String(offset) })),
    },
    map: {
      bytes: map.bytes,
      bytesDropped: map.bytesDropped,
      marks: thinned(map.marks).map((mark) => ({
        ...mark,
        offset: String(mark.offset),
        end: formatPosition(mark.end),
        atMs: Math.max(0, Math.floor(mark.atMs)),
      })),
    },
  });
}

/** Null for what is no summary, or one of another version. */
export function decodeSummary(text: string): LogSummary | null {
  try {
    const { v, ...summary } = readSummary(parseJson(text), 'summary');
    return v === version ? summary : null;
  } catch (error) {
    if (error instanceof NotAsExpected) return null;
    throw error;
  }
}

function thinned(marks: readonly LogMark[]): readonly LogMark[] {
  const step = Math.ceil(marks.length / marksMax);
  return step <= 1 ? marks : marks.filter((_, index) => index % step === 0);
}

function textOf({ offset, kind, byteLength, end }: RecordSketch): Record<string, unknown> {
  return { offset: String(offset), kind, byteLength, end: positionText(end) };
}

function positionText(position: Position | null): string | null {
  return position === null ? null : formatPosition(position);
}

const readOffset: Reader<LogOffset> = (value, place) =>
  parsed(parseLogOffset(readText(value, place)), place, 'an offset');

const readPlaces: Reader<LogFacts['places']> = (value, place) => {
  const entries = listOf(
    readObject<{ kind: 'seed' | 'sealed' | 'opened'; offset: LogOffset }>({
      kind: oneOf('seed', 'sealed', 'opened'),
      offset: readOffset,
    }),
  )(value, place);
  return Object.fromEntries(entries.map(({ kind, offset }) => [kind, offset]));
};

const readFacts = readObject<LogFacts>({
  store: orNull(readText),
  begins: orNull(readPosition),
  last: readPosition,
  told: orNull(readPosition),
  sealedEpoch: readCount,
  opened: orNull(
    readObject<{ epoch: number; timeline: number }>({ epoch: readCount, timeline: readCount }),
  ),
  startedEpochs: (value, place) => new Set(listOf(readCount)(value, place)),
  places: readPlaces,
});

const readSummary = readObject<LogSummary & { readonly v: number }>({
  v: readCount,
  start: readOffset,
  last: readObject<RecordSketch>({
    offset: readOffset,
    kind: readText,
    byteLength: readCount,
    end: orNull(readPosition),
  }),
  facts: readFacts,
  map: readObject<LogMapState>({
    bytes: readCount,
    bytesDropped: readCount,
    marks: listOf(
      readObject<LogMark>({
        offset: readOffset,
        end: readPosition,
        bytesBefore: readCount,
        atMs: readCount,
      }),
    ),
  }),
});
