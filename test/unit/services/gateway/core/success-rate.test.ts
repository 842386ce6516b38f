import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outliersOf } from '../../../../../services/gateway/core/success-rate.ts';

const policy = { successMargin: 0.2, successCallsMin: 50 };

/** Instances named a, b, … with so many good replies of a hundred. */
const group = (...good: number[]): { id: string; ok: number; all: number }[] =>
  good.map((ok, at) => ({ id: String.fromCharCode(97 + at), ok, all: 100 }));

const rows: readonly [string, ReturnType<typeof group>, readonly string[]][] = [
  ['one that fails a third among good ones', group(100, 67, 99), ['b']],
  ['one within the margin', group(100, 81, 100), []],
  ['all fail alike', group(40, 45, 42), []],
  ['of two the worse one', group(100, 70), ['b']],
  ['the worst comes first', group(100, 60, 100, 100, 20), ['e', 'b']],
  ['one alone is compared with nobody', group(0), []],
  ['too few replies to judge', [...group(100, 100), { id: 'z', ok: 0, all: 49 }], []],
  ['too few to compare with', [{ id: 'y', ok: 10, all: 10 }, ...group(10)], []],
  ['nobody', [], []],
];

for (const [name, counts, want] of rows) {
  test(name, () => assert.deepEqual(outliersOf(counts, policy), want));
}
