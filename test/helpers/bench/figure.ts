/** One measured figure, with the peer it was measured against in the same run and its goal. */

export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  /** Null: there is nothing to compare with. */
  readonly peer: string | null;
  readonly peerValue: number | null;
  /** `value` over `peerValue`. */
  readonly ratio: number | null;
  /** In words, e.g. `ratio >= 0.9`; null: shown for information. */
  readonly goal: string | null;
  /** Null without a goal. */
  readonly ok: boolean | null;
}

export interface Goal {
  readonly of: 'value' | 'ratio';
  readonly atLeast?: number;
  readonly atMost?: number;
}

interface Measured {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly peer?: { readonly name: string; readonly value: number };
  readonly goal?: Goal;
}

/** A figure judged by its goal. */
export function figureOf({ what, value, unit, peer, goal }: Measured): Figure {
  const ratio = peer === undefined ? null : value / peer.value;
  const judged = goal?.of === 'ratio' ? (ratio ?? NaN) : value;
  const isAbove = goal?.atLeast === undefined || judged >= goal.atLeast;
  const isBelow = goal?.atMost === undefined || judged <= goal.atMost;
  return {
    what,
    value: rounded(value),
    unit,
    peer: peer?.name ?? null,
    peerValue: peer === undefined ? null : rounded(peer.value),
    ratio: ratio === null ? null : rounded(ratio),
    goal: goal === undefined ? null : goalText(goal),
    ok: goal === undefined ? null : isAbove && isBelow,
  };
}

/** One line per figure, aligned. */
export function renderFigures(figures: readonly Figure[]): string {
  const width = Math.max(...figures.map(({ what }) => what.length));
  return figures
    .map(({ what, value, unit, peer, peerValue, ratio, goal, ok }) => {
      const against = peer === null ? '' : `  ${String(ratio)} x ${peer} (${String(peerValue)})`;
      const verdict = goal === null ? '' : `  ${ok === true ? 'ok' : 'MISSED'}: ${goal}`;
      const number = `${String(value)} ${unit}`.padStart(14);
      return `${what.padEnd(width)} ${number}${against}${verdict}`;
    })
    .join('\n');
}

/** The middle one. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;
}

function goalText({ of, atLeast, atMost }: Goal): string {
  const parts = [
    ...(atLeast === undefined ? [] : [`>= ${String(atLeast)}`]),
    ...(atMost === undefined ? [] : [`<= ${String(atMost)}`]),
  ];
  return `${of} ${parts.join(' and ')}`;
}

function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 1000) / 1000;
}
