/** Reads the control log for ever and hands every record on, in order, as fast as it is taken. */
import type { LogOffset } from '../../../shared/core/log-offset.ts';
import { isMeridianError, messageOf } from '../../../shared/errors/meridian-error.ts';
import type { Logger } from '../../../shared/logging/logger.ts';
import type { ControlEntry, ControlLog } from '../../../shared/ports/control-log.ts';
import { sleep } from '../../../shared/runtime/sleep.ts';

export interface ControlReading {
  readonly log: ControlLog;
  readonly from: LogOffset;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** False when there is no room now: the entry is offered again. */
  readonly onEntry: (entry: ControlEntry) => boolean;
  /** A record that this version cannot read, or a log that lacks what must follow. */
  readonly onUnreadable: (why: string) => void;
}

const offerAgainMs = 5;
const readAgainMs = 200;

/** Resolves when the signal aborts or the log cannot be read on. */
export async function readControlLog(reading: ControlReading): Promise<void> {
  let next = reading.from;
  while (!reading.signal.aborted) {
    try {
      for await (const entry of reading.log.read(next, reading.signal)) {
        while (!reading.onEntry(entry)) await sleep(offerAgainMs, reading.signal);
        next = (entry.offset + 1n) as LogOffset;
      }
    } catch (error) {
      if (isMeridianError(error)) {
        reading.onUnreadable(error.message);
        return;
      }
      reading.logger.warn({ why: messageOf(error) }, 'reading the control log is tried again');
      await sleep(readAgainMs, reading.signal);
    }
  }
}
