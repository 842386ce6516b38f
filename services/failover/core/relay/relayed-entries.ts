/** How entries of the control log travel from one region to another: as they are stored. */
import type { ControlRecord } from '../../../../shared/core/control/control-record.ts';
import {
  decodeControlRecord,
  encodeControlRecord,
} from '../../../../shared/core/control/control-record-codec.ts';
import {
  listOf,
  NotAsExpected,
  parsed,
  parseJson,
  readObject,
  readText,
  type Reader,
} from '../../../../shared/core/json-reader.ts';
import { parseLogOffset, type LogOffset } from '../../../../shared/core/log-offset.ts';

export interface RelayedEntry {
  readonly offset: LogOffset;
  readonly record: ControlRecord;
}

export type DecodedEntries =
  | { readonly kind: 'entries'; readonly entries: readonly RelayedEntry[] }
  /** A record of a newer program: the reader must stop and say so. */
  | { readonly kind: 'unreadable'; readonly why: string }
  | { readonly kind: 'malformed'; readonly why: string };

/** Names the log that the answering region reads; an older program does not send it. */
export const logIdHeader = 'meridian-control-log';

/** At most so many entries go in one answer. */
export const relayedEntriesMax = 500;

const readOffset: Reader<LogOffset> = (value, place) =>
  parsed(parseLogOffset(readText(value, place)), place, 'an offset');

const readEntries = readObject<{
  readonly entries: readonly { readonly offset: LogOffset; readonly record: string }[];
}>({ entries: listOf(readObject({ offset: readOffset, record: readText })) });

/** The JSON text of an answer. */
export function encodeRelayedEntries(entries: readonly RelayedEntry[]): string {
  return JSON.stringify({
    entries: entries.map(({ offset, record }) => ({
      offset: offset.toString(),
      record: encodeControlRecord(record),
    })),
  });
}

/** What `text` answers; entries out of order are malformed. Never throws. */
export function decodeRelayedEntries(text: string): DecodedEntries {
  try {
    const entries: RelayedEntry[] = [];
    for (const { offset, record } of readEntries(parseJson(text), 'answer').entries) {
      const last = entries.at(-1);
      if (last !== undefined && offset <= last.offset) throw new NotAsExpected('out of order');
      const decoded = decodeControlRecord(record);
      if (decoded.kind === 'unknownVersion') return { kind: 'unreadable', why: decoded.why };
      if (decoded.kind === 'malformed') throw new NotAsExpected(decoded.why);
      entries.push({ offset, record: decoded.record });
    }
    return { kind: 'entries', entries };
  } catch (error) {
    if (error instanceof NotAsExpected) return { kind: 'malformed', why: error.message };
    throw error;
  }
}
