import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstOffset, parseLogOffset } from '../../../../shared/core/log-offset.ts';

const rows: readonly { name: string; text: string; want: bigint | null }[] = [
  { name: 'the first', text: '0', want: firstOffset },
  { name: 'beyond 2^53', text: '9007199254740993', want: 9_007_199_254_740_993n },
  { name: 'nineteen digits', text: '9223372036854775807', want: 9_223_372_036_854_775_807n },
  { name: 'twenty digits', text: '10000000000000000000', want: null },
  { name: 'leading zeros', text: '007', want: 7n },
  { name: 'negative', text: '-1', want: null },
  { name: 'empty', text: '', want: null },
  { name: 'hexadecimal', text: '0x10', want: null },
  { name: 'surrounded by blanks', text: ' 1 ', want: null },
  { name: 'a line end behind it', text: '1\n', want: null },
];

for (const { name, text, want } of rows) {
  test(`log offset: ${name}`, () => {
    assert.equal(parseLogOffset(text), want);
  });
}
