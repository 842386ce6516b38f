/**
 * Sequences are not decoded. The primary records a mark ahead of each one, which travels as a row;
 * a promoted region goes on from the mark, so that no value is handed out twice although the last
 * second of the old primary's values was recorded nowhere.
 */

export interface Sequence {
  readonly lastValue: bigint;
  readonly minValue: bigint;
  readonly maxValue: bigint;
  /** Below zero when the sequence descends; never zero. */
  readonly increment: bigint;
  /** What is recorded, if anything. */
  readonly mark: bigint | null;
}

/** What this primary recorded last for a sequence, and when. */
export interface MarkMade {
  readonly mark: bigint;
  readonly lastValue: bigint;
  readonly atMs: number;
}

/** Steps that the mark is ahead at least: as many may be drawn between two looks. */
export const stepsAhead = 1000n;
/** A sequence that is drawn from faster is given what it used in this time, twice. */
const paceMs = 10_000;

/** The mark to record now; null while the one that is recorded is far enough ahead. */
export function nextMark(sequence: Sequence, made: MarkMade | null, nowMs: number): bigint | null {
  const { lastValue, mark, increment } = sequence;
  const direction = increment > 0n ? 1n : -1n;
  const known = made !== null && made.mark === mark ? made : null;
  const ahead = mark === null ? null : (mark - lastValue) * direction;
  if (known !== null && ahead !== null && (lastValue - known.lastValue) * direction >= 0n) {
    if (ahead * 2n >= (known.mark - known.lastValue) * direction) return null;
  }
  const reserve = reserveOf(sequence, known, nowMs);
  if (known === null && ahead !== null && ahead * 2n >= reserve && ahead <= reserve) return null;
  const next = lastValue + reserve * direction;
  return next === mark ? null : next;
}

/** How far ahead: by what was drawn lately, never more than half of what is left. */
function reserveOf(sequence: Sequence, made: MarkMade | null, nowMs: number): bigint {
  const { lastValue, minValue, maxValue, increment } = sequence;
  const isRising = increment > 0n;
  const left = isRising ? maxValue - lastValue : lastValue - minValue;
  const least = stepsAhead * (isRising ? increment : -increment);
  const wanted = made === null ? 0n : 2n * drawnInPace(sequence, made, nowMs);
  const reserve = wanted > least ? wanted : least;
  return reserve < left / 2n ? reserve : left / 2n;
}

function drawnInPace({ lastValue, increment }: Sequence, made: MarkMade, nowMs: number): bigint {
  const drawn = increment > 0n ? lastValue - made.lastValue : made.lastValue - lastValue;
  if (drawn <= 0n) return 0n;
  return (drawn * BigInt(paceMs)) / BigInt(Math.round(Math.max(paceMs, nowMs - made.atMs)));
}
