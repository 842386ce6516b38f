/**
 * Decides how much of its own log a region deletes: what nobody needs any more and is outside the
 * kept window; beyond the limit also what only readers that are away still need. They are seeded
 * anew when they come back. What an active reader needs is never deleted.
 */
import { comparePositions, isAtOrPast, type Position } from '../../../shared/core/position.ts';
import type { LogMark } from './log-map.ts';

/** Somebody who may have to be completed from this log: a region, a node of the own region. */
export interface LogReader {
  readonly name: string;
  /** It needs everything after this; null: not known, so it may need all there is. */
  readonly position: Position | null;
  /** False for one that is away, or has stood still for long although there is more to take. */
  readonly isActive: boolean;
}

export interface RetentionLimits {
  /** What everybody has is kept for so long … */
  readonly keepMs: number;
  /** … or until so many bytes follow it. */
  readonly keepBytes: number;
  readonly bytesMax: number;
}

export interface HeldLog {
  /** The log holds everything after this. */
  readonly begins: Position;
  readonly marks: readonly LogMark[];
  readonly heldBytes: number;
  readonly totalBytes: number;
}

export type TrimDecision =
  | { readonly kind: 'keep'; readonly why: string }
  | {
      readonly kind: 'trim';
      readonly to: LogMark;
      /** Readers that are away and can no longer be completed from this log. */
      readonly passed: readonly LogReader[];
      readonly why: string;
    };

/** The furthest mark that the log may begin at now, if there is one. */
export function decideTrim(
  log: HeldLog,
  of: { readonly readers: readonly LogReader[]; readonly limits: RetentionLimits },
  nowMs: number,
): TrimDecision {
  const { limits } = of;
  const readers = of.readers.filter((reader) => !isPassed(reader, log.begins));
  const bytesAfter = (mark: LogMark): number => log.totalBytes - mark.bytesBefore;
  const isOld = (mark: LogMark): boolean =>
    nowMs - mark.atMs >= limits.keepMs || bytesAfter(mark) >= limits.keepBytes;
  const unneeded = furthest(log.marks, (mark) => isOld(mark) && mayBegin(mark, readers));
  const isFull = log.heldBytes > limits.bytesMax;
  const active = readers.filter((reader) => reader.isActive);
  // The first mark with few enough bytes behind it ends what has to go.
  const enough = log.marks.find((mark) => bytesAfter(mark) <= limits.bytesMax);
  const isWithin = (mark: LogMark): boolean =>
    enough === undefined || mark.bytesBefore <= enough.bytesBefore;
  const forced = isFull
    ? furthest(log.marks, (mark) => isWithin(mark) && mayBegin(mark, active))
    : null;
  if (forced !== null && (unneeded === null || forced.offset > unneeded.offset)) {
    const passed = readers.filter((reader) => !mayBegin(forced, [reader]));
    const why = `it holds ${log.heldBytes} bytes of ${limits.bytesMax}`;
    return { kind: 'trim', to: forced, passed, why };
  }
  if (unneeded !== null) {
    return { kind: 'trim', to: unneeded, passed: [], why: 'every region has it' };
  }
  const holder = lastReader(readers);
  return { kind: 'keep', why: holder === null ? 'nothing is old enough' : `${holder} needs it` };
}

/** Whether the log begins after what `reader` needs: nothing is kept for it any more. */
export function isPassed({ position }: LogReader, begins: Position): boolean {
  return position !== null && !isAtOrPast(position, begins);
}

/** The reader that has come least far; null when there is none. */
export function lastReader(readers: readonly LogReader[]): string | null {
  const [first] = readers.toSorted((a, b) => {
    if (a.position === null || b.position === null) {
      return Number(a.position !== null) - Number(b.position !== null);
    }
    return comparePositions(a.position, b.position);
  });
  return first?.name ?? null;
}

/** Whether a log that begins at `mark` has everything that `readers` lack. */
function mayBegin(mark: LogMark, readers: readonly LogReader[]): boolean {
  return readers.every(({ position }) => position !== null && isAtOrPast(position, mark.end));
}

function furthest(marks: readonly LogMark[], fits: (mark: LogMark) => boolean): LogMark | null {
  return marks.findLast(fits) ?? null;
}
