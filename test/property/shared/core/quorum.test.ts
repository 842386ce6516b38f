import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAtOrPast, zeroPosition, type Position } from '../../../../shared/core/position.ts';
import { kthHighest, releasedPositions, sealQuorum } from '../../../../shared/core/quorum.ts';
import { fewPositions } from '../../../helpers/core-arbitraries.ts';

const acks = fc.array(fewPositions, { maxLength: 6 });

function holders(positions: readonly Position[], where: Position): number {
  return positions.filter((position) => isAtOrPast(position, where)).length;
}

test('the K-th highest is held by K, and nothing higher is', () => {
  fc.assert(
    fc.property(acks, fc.integer({ min: 1, max: 7 }), (positions, k) => {
      const found = kthHighest(positions, k);
      assert.equal(found === null, positions.length < k);
      if (found === null) return;
      assert.ok(holders(positions, found) >= k);
      for (const other of positions) {
        if (!isAtOrPast(found, other)) assert.ok(holders(positions, other) < k);
      }
    }),
  );
});

test('what is released to semi-sync is held by K, to sync by all as well', () => {
  fc.assert(
    fc.property(acks, fc.integer({ min: 0, max: 6 }), (positions, k) => {
      const { write, apply } = releasedPositions(positions, k);
      assert.ok(isAtOrPast(write, apply));
      if (k === 0 || positions.length < k) {
        assert.deepEqual([write, apply], [zeroPosition, zeroPosition]);
        return;
      }
      assert.ok(holders(positions, write) >= k);
      assert.equal(holders(positions, apply), positions.length);
    }),
  );
});

test('more acknowledgements never take back what was released', () => {
  fc.assert(
    fc.property(acks, fc.integer({ min: 1, max: 6 }), fc.nat(), (positions, k, place) => {
      if (positions.length === 0) return;
      const before = releasedPositions(positions, k);
      const moved = positions.map((position, index) =>
        index === place % positions.length
          ? { ...position, endLsn: (position.endLsn + 1n) as Position['endLsn'] }
          : position,
      );
      const after = releasedPositions(moved, k);
      assert.ok(isAtOrPast(after.write, before.write));
      assert.ok(isAtOrPast(after.apply, before.apply));
    }),
  );
});

test('every quorum of seals meets every set of members that could have confirmed', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), (m, kLow) => {
      fc.pre(kLow <= m);
      const subsets = Array.from({ length: 2 ** m }, (_, set) => set);
      const size = (set: number): number => set.toString(2).replaceAll('0', '').length;
      const sealed = subsets.filter((set) => size(set) === sealQuorum(m, kLow));
      const confirmed = subsets.filter((set) => size(set) === kLow);
      assert.ok(sealed.every((one) => confirmed.every((other) => (one & other) !== 0)));
      const fewer = subsets.filter((set) => size(set) === sealQuorum(m, kLow) - 1);
      assert.ok(
        fewer.some((one) => confirmed.some((other) => (one & other) === 0)),
        'tight',
      );
    }),
  );
});
