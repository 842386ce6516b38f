/** What is told before a limit of the disk is reached, and what is to be done about it. */
import { isPassed, lastReader, type HeldLog, type LogReader } from './log-retention.ts';

/** WAL that a replication slot keeps PostgreSQL from removing. */
export interface KeptWal {
  readonly slot: string;
  readonly bytes: number;
  /** `max_slot_wal_keep_size`; null: no limit. */
  readonly bytesMax: number | null;
  readonly isLost: boolean;
}

/** The share of a limit from which on it is told. */
const warnedShare = 0.8;

/** In words: the own log against its limit, and whom it cannot complete any more. */
export function logAlarms(
  { begins, heldBytes }: HeldLog,
  readers: readonly LogReader[],
  bytesMax: number,
): readonly string[] {
  const passed = readers.filter((reader) => isPassed(reader, begins)).map(({ name }) => name);
  const alarms = passed.map(
    (name) => `${name} has been away for too long: it is seeded anew when it is back`,
  );
  if (heldBytes < bytesMax * warnedShare) return alarms;
  const holder = lastReader(readers.filter((reader) => !isPassed(reader, begins)));
  const size = `the data log holds ${inMegabytes(heldBytes)} of ${inMegabytes(bytesMax)}`;
  if (holder === null) return [...alarms, `${size}: raise replicator.logBytesMax`];
  const todo = 'bring it back, or raise replicator.logBytesMax';
  return [...alarms, `${size}, since ${holder} needs them: ${todo}`];
}

/** In words: slots that keep so much WAL that PostgreSQL will soon give them up, or has. */
export function walAlarms(slots: readonly KeptWal[]): readonly string[] {
  return slots.flatMap(({ slot, bytes, bytesMax, isLost }) => {
    if (isLost) return [`slot ${slot} is lost: its WAL was removed`];
    if (bytesMax === null || bytes < bytesMax * warnedShare) return [];
    const size = `slot ${slot} keeps ${inMegabytes(bytes)} of WAL of ${inMegabytes(bytesMax)}`;
    return [`${size}: see whether Kafka and the standbys answer; beyond it the slot is lost`];
  });
}

function inMegabytes(bytes: number): string {
  return `${String(Math.round(bytes / 1024 / 1024))} MB`;
}
