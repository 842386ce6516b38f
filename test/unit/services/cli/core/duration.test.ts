import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from '../../../../../services/cli/core/duration.ts';

for (const [ms, text] of [
  [null, '-'],
  [Number.NaN, '-'],
  [0, '0ms'],
  [41.4, '41ms'],
  [999, '999ms'],
  [6200, '6.2s'],
  [41_000, '41s'],
  [192_000, '3m12s'],
  [180_000, '3m'],
  [11_520_000, '3h12m'],
  [187_200_000, '2d4h'],
] as const) {
  test(`formatDuration(${String(ms)}) is ${text}`, () => {
    assert.equal(formatDuration(ms), text);
  });
}

for (const [text, ms] of [
  ['90', 90_000],
  ['1500ms', 1500],
  ['30m', 1_800_000],
  ['1h30m', 5_400_000],
  ['2d', 172_800_000],
  ['0.5s', 500],
  ['', null],
  ['soon', null],
  ['-5s', null],
  ['5 s', null],
] as const) {
  test(`parseDuration(${JSON.stringify(text)}) is ${String(ms)}`, () => {
    assert.equal(parseDuration(text), ms);
  });
}
