/** What the own log holds and what a restart learns from it. */
import { endPositionOf, timeMsOf, type CommitRecord } from '../../../shared/core/commit-record.ts';
import { laterPosition, zeroPosition, type Position } from '../../../shared/core/position.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { positionBefore } from '../core/log-beginning.ts';
import type { LogMap } from '../core/log-map.ts';
import type { LocalFacts } from '../core/log-repeat.ts';
import type { OffsetIndex } from './offset-index.ts';
import type { DataLog } from '../../../shared/ports/data-log.ts';

export interface LogFacts extends LocalFacts {
  /** The log holds everything after this; null while it holds nothing. */
  readonly begins: Position | null;
  /** Epochs whose start the log holds or held. */
  readonly startedEpochs: ReadonlySet<number>;
}

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

/** Reads the log once from its start: what it is, and how far it reaches. */
export async function readLogFacts(
  log: DataLog,
  maps: LogMaps,
  signal: AbortSignal,
): Promise<LogFacts> {
  const { start, end } = await log.bounds();
  let facts = emptyLog;
  if (start >= end) return facts;
  for await (const { record, offset, bytes } of log.read(start, { follow: false, signal })) {
    facts = withRecord(facts, { record, offset, byteLength: bytes.byteLength }, maps);
  }
  return facts;
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
