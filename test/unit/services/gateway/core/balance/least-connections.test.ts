import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  leastConnections,
  loadOf,
} from '../../../../../../services/gateway/core/balance/least-connections.ts';
import { candidates } from '../../../../../helpers/balancing.ts';

test('fewest for its weight, ties are drawn', () => {
  const busy = candidates(3, [1, 2, 1]).map((c, i) => ({ ...c, inFlight: [3, 4, 2][i] ?? 0 }));
  assert.deepEqual(busy.map(loadOf), [3, 2, 2]);
  const choose = (first: number): number =>
    leastConnections.choose(busy, null, { first, second: 0, key: '' }).index;
  assert.equal(choose(0), 1);
  assert.equal(choose(0.99), 2);
});
