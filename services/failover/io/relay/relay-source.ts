/**
 * What this region does for another one whose own way to the control log is cut: it reads to it
 * and appends for it, with its own client of the log and never through a third region.
 */
import type { ControlRecord } from '../../../../shared/core/control/control-record.ts';
import type { LogOffset } from '../../../../shared/core/log-offset.ts';
import type {
  ControlEntry,
  ControlLog,
  ControlRelay,
} from '../../../../shared/ports/control-log.ts';
import { relayedEntriesMax } from '../../core/relay/relayed-entries.ts';
import type { RecentEntries } from './recent-entries.ts';

/** Bound of reading entries from the log that are not kept any more. */
const oldEntriesMs = 1000;

export function createRelaySource(
  own: ControlLog,
  recent: RecentEntries,
  logId: () => string | null,
): ControlRelay {
  return {
    logId,
    append: (record: ControlRecord) => own.append(record),
    async entriesFrom(offset, waitMs) {
      const kept = recent.from(offset, relayedEntriesMax);
      if (kept === null) return readOld(own, offset);
      if (kept.length > 0) return kept;
      await recent.next(waitMs);
      return recent.from(offset, relayedEntriesMax) ?? [];
    },
  };
}

/** Entries from `offset` on that come within the bound. */
async function readOld(own: ControlLog, offset: LogOffset): Promise<readonly ControlEntry[]> {
  const entries: ControlEntry[] = [];
  for await (const entry of own.read(offset, AbortSignal.timeout(oldEntriesMs))) {
    entries.push(entry);
    if (entries.length === relayedEntriesMax) break;
  }
  return entries;
}
