import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random, weightedIndex } from '../../../../../../services/gateway/core/balance/random.ts';
import { candidates } from '../../../../../helpers/balancing.ts';

const rows = [
  { at: 0, want: 0 },
  { at: 0.24, want: 0 },
  { at: 0.25, want: 1 },
  { at: 0.999, want: 1 },
];

for (const { at, want } of rows) {
  test(`weights 1 and 3, drawn at ${String(at)}`, () => {
    assert.equal(weightedIndex(candidates(2, [1, 3]), at), want);
    const draw = { first: at, second: 0, key: '' };
    assert.equal(random.choose(candidates(2, [1, 3]), null, draw).index, want);
  });
}
