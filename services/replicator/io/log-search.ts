/** Finds things in the own log: its last facts, and the place of a position. */
import { endPositionOf } from '../../../shared/core/commit-record.ts';
import { isAtOrPast, zeroPosition, type Position } from '../../../shared/core/position.ts';
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import type { OffsetIndex } from './offset-index.ts';
import type { DataLog, DataLogEntry } from '../../../shared/ports/data-log.ts';

export interface LogFacts {
  readonly end: LogOffset;
  /** Name of the store, from its latest seed record; null for a log without one. */
  readonly store: string | null;
  /** Last transaction record, void ones included. */
  readonly last: Position;
  readonly sealedEpoch: number;
  readonly opened: { readonly epoch: number; readonly timeline: number } | null;
  /** Epochs whose start the log holds, as far as it was read. */
  readonly startedEpochs: ReadonlySet<number>;
}

interface Found {
  store: string | null;
  last: Position | null;
  sealedEpoch: number;
  opened: { epoch: number; timeline: number } | null;
  startedEpochs: Set<number>;
}

/** Reads the log once from its start: what it is, and how far it reaches. */
export async function readLogFacts(
  log: DataLog,
  index: OffsetIndex,
  signal: AbortSignal,
): Promise<LogFacts> {
  const { start, end } = await log.bounds();
  const found: Found = {
    store: null,
    last: null,
    sealedEpoch: 0,
    opened: null,
    startedEpochs: new Set(),
  };
  if (start < end) {
    for await (const entry of log.read(start, { follow: false, signal })) {
      note(found, entry);
      const ended = endPositionOf(entry.record);
      if (ended !== null) index.add(ended, entry.offset);
    }
  }
  return { ...found, end, last: found.last ?? zeroPosition };
}

function note(found: Found, { record }: DataLogEntry): void {
  switch (record.kind) {
    case 'seed':
      found.store = record.store;
      break;
    case 'sealed':
      found.sealedEpoch = Math.max(found.sealedEpoch, record.epoch);
      break;
    case 'opened':
      found.opened = { epoch: record.epoch, timeline: record.timeline };
      break;
    case 'epoch-start':
      found.startedEpochs.add(record.epoch);
      break;
    case 'transactions':
    case 'chunk':
    case 'idle':
      break;
  }
  const end = endPositionOf(record);
  if (end !== null && (found.last === null || isAtOrPast(end, found.last))) found.last = end;
}
