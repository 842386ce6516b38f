import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  nextEpoch,
  noEpoch,
  parseEpoch,
  publicationOf,
  type Epoch,
} from '../../../../shared/core/epoch.ts';

const rows: readonly { name: string; value: unknown; want: number | null }[] = [
  { name: 'nobody promoted yet', value: 0, want: 0 },
  { name: 'the highest', value: 2_147_483_647, want: 2_147_483_647 },
  { name: 'beyond what a PostgreSQL integer holds', value: 2_147_483_648, want: null },
  { name: 'negative', value: -1, want: null },
  { name: 'no whole number', value: 1.5, want: null },
  { name: 'no number', value: NaN, want: null },
  { name: 'digits as text', value: '7', want: null },
  { name: 'a bigint', value: 7n, want: null },
  { name: 'nothing', value: null, want: null },
];

for (const { name, value, want } of rows) {
  test(`epoch: ${name}`, () => {
    assert.equal(parseEpoch(value), want);
  });
}

test('the next epoch is one more, from none on', () => {
  assert.equal(nextEpoch(noEpoch), 1);
  assert.equal(nextEpoch(41 as Epoch), 42);
});

test('publication and slot carry the epoch', () => {
  assert.equal(publicationOf(12 as Epoch), 'meridian_12');
});
