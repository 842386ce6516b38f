/** What the own log holds and what a restart learns from it. */
import { endPositionOf, timeMsOf, type CommitRecord } from '../../../shared/core/commit-record.ts';
import { laterPosition, zeroPosition } from '../../../shared/core/position.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { positionBefore } from '../core/log-beginning.ts';
import type { LogMap } from '../core/log-map.ts';
import {
  resumedFrom,
  sketchOf,
  type LogFacts,
  type LogSummary,
  type RecordSketch,
} from '../core/log-summary.ts';
import type { OffsetIndex } from './offset-index.ts';
import type { DataLog, DataLogEntry } from '../../../shared/ports/data-log.ts';

export const emptyLog: LogFacts = {
  store: null,
  begins: null,
  last: zeroPosition,
  told: null,
  sealedEpoch: 0,
  opened: null,
  startedEpochs: new Set(),
  places: {},
};

/** A record at its place, with the size of its stored form. */
export interface PlacedRecord {
  readonly record: CommitRecord;
  readonly offset: LogOffset;
  readonly byteLength: number;
}

export interface LogMaps {
  readonly index: OffsetIndex;
  readonly map: LogMap;
}

export interface ReadLog {
  readonly facts: LogFacts;
  /** Where the log begins. */
  readonly start: LogOffset;
  /** Its last record; null when it holds none. */
  readonly last: RecordSketch | null;
}

/**
 * Reads what the log holds and how far it reaches: what follows `summary` when that is one of this
 * log, else all of it.
 */
export async function readLog(
  log: DataLog,
  of: { readonly maps: LogMaps; readonly summary: LogSummary | null },
  signal: AbortSignal,
): Promise<ReadLog> {
  const { maps } = of;
  const { start, end } = await log.bounds();
  const known = await believed(log, { summary: of.summary, start, end }, signal);
  let facts = known?.facts ?? emptyLog;
  let last = known?.last ?? null;
  if (known !== null) maps.map.restore(known.map);
  const from = last === null ? start : ((last.offset + 1n) as LogOffset);
  if (from >= end) return { facts, start, last };
  for await (const { record, offset, bytes } of log.read(from, { follow: false, signal })) {
    const { byteLength } = bytes;
    facts = withRecord(facts, { record, offset, byteLength }, maps);
    last = sketchOf(record, { offset, byteLength });
  }
  return { facts, start, last };
}

/** The summary as it is to be gone on from; null when the log does not agree with it. */
async function believed(
  log: DataLog,
  of: { readonly summary: LogSummary | null; readonly start: LogOffset; readonly end: LogOffset },
  signal: AbortSignal,
): Promise<LogSummary | null> {
  const { summary, start, end } = of;
  const place = summary?.facts.places.seed;
  if (summary === null || place === undefined) return null;
  const { offset } = summary.last;
  if (place < start || offset < start || place >= end || offset >= end) return null;
  const seed = await entryAt(log, place, signal);
  const last = await entryAt(log, offset, signal);
  if (seed === null || last === null) return null;
  const { byteLength } = last.bytes;
  const sketch = sketchOf(last.record, { offset, byteLength });
  return resumedFrom(summary, { start, seed: seed.record, last: sketch });
}

async function entryAt(
  log: DataLog,
  offset: LogOffset,
  signal: AbortSignal,
): Promise<DataLogEntry | null> {
  for await (const entry of log.read(offset, { follow: false, signal })) {
    return entry.offset === offset ? entry : null;
  }
  return null;
}

/** The facts, and the maps, of a log to which `placed` was appended. */
export function withRecord(facts: LogFacts, placed: PlacedRecord, maps: LogMaps): LogFacts {
  const { record, offset, byteLength } = placed;
  const { kind } = record;
  const isLocal = kind === 'seed' || kind === 'sealed' || kind === 'opened';
  const end = endPositionOf(record);
  // A seed record tells the end of what was before it, which may be repeated later on.
  const ended = isLocal ? null : end;
  if (ended !== null) maps.index.add(ended, offset);
  maps.map.add({ offset, bytes: byteLength, end: ended, atMs: timeMsOf(record) });
  const { store, told, sealedEpoch, opened, startedEpochs, places } = facts;
  return {
    store: kind === 'seed' ? record.store : store,
    begins: facts.begins ?? positionBefore(record),
    last: end === null ? facts.last : laterPosition(facts.last, end),
    told: kind === 'seed' ? record.position : told,
    sealedEpoch: kind === 'sealed' ? Math.max(sealedEpoch, record.epoch) : sealedEpoch,
    opened: kind === 'opened' ? { epoch: record.epoch, timeline: record.timeline } : opened,
    startedEpochs: end === null ? startedEpochs : withEpoch(startedEpochs, end.epoch),
    places: isLocal ? { ...places, [kind]: offset } : places,
  };
}

function withEpoch(epochs: ReadonlySet<number>, epoch: number): ReadonlySet<number> {
  return epochs.has(epoch) ? epochs : new Set(epochs).add(epoch);
}
