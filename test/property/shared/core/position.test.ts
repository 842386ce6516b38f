import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatLsn, parseLsn } from '../../../../shared/core/lsn.ts';
import {
  decodePositionToken,
  encodePositionToken,
} from '../../../../shared/core/position-token.ts';
import {
  comparePositions,
  formatPosition,
  laterPosition,
  parsePosition,
} from '../../../../shared/core/position.ts';
import { fewPositions, lsn, position } from '../../../helpers/core-arbitraries.ts';

test('LSNs and positions come back from their text', () => {
  fc.assert(
    fc.property(lsn, position, (someLsn, somePosition) => {
      assert.equal(parseLsn(formatLsn(someLsn)), someLsn);
      assert.deepEqual(parsePosition(formatPosition(somePosition)), somePosition);
    }),
  );
});

test('positions are ordered as the pair of their parts', () => {
  fc.assert(
    fc.property(fewPositions, fewPositions, fewPositions, (a, b, c) => {
      const naive = (one: typeof a): bigint => (BigInt(one.epoch) << 64n) + one.endLsn;
      const want = naive(a) < naive(b) ? -1 : naive(a) > naive(b) ? 1 : 0;
      assert.equal(Math.sign(comparePositions(a, b)), want);
      const [ab, bc, ac] = [comparePositions(a, b), comparePositions(b, c), comparePositions(a, c)];
      if (ab <= 0 && bc <= 0) assert.ok(ac <= 0, 'transitive');
      assert.ok(comparePositions(laterPosition(a, b), a) >= 0);
      assert.ok(comparePositions(laterPosition(a, b), b) >= 0);
    }),
  );
});

const token = fc.record(
  { clusterId: fc.uuid(), cell: fc.constant('main'), position, isUpperBound: fc.boolean() },
  { noNullPrototype: true },
);

test('position tokens come back from their text; other text is refused, never an exception', () => {
  fc.assert(
    fc.property(token, fc.string(), (given, text) => {
      assert.deepEqual(decodePositionToken(encodePositionToken(given)), given);
      const decoded = decodePositionToken(text);
      if (decoded !== null)
        assert.deepEqual(decoded, decodePositionToken(encodePositionToken(decoded)));
    }),
  );
});

test('text that reads as a position is that position in another spelling at most', () => {
  const almost = fc.stringMatching(/^[0-9]{0,11}:[0-9A-Fa-f]{0,9}\/[0-9A-Fa-f]{0,9}$/);
  fc.assert(
    fc.property(almost, (text) => {
      const parsed = parsePosition(text);
      if (parsed === null) return;
      assert.deepEqual(parsePosition(formatPosition(parsed)), parsed);
    }),
  );
});
