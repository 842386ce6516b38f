import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roundTripMs } from '../../../../../services/local/wan/round-trip.ts';

const frankfurt = { latitude: 50.11, longitude: 8.68 };
const virginia = { latitude: 38.95, longitude: -77.45 };
const mumbai = { latitude: 19.08, longitude: 72.88 };

const rows = [
  ['Frankfurt and Virginia', frankfurt, virginia, 90],
  ['Virginia and Mumbai', virginia, mumbai, 190],
  ['Frankfurt and Mumbai', frankfurt, mumbai, 110],
] as const;

for (const [name, from, to, reportedMs] of rows) {
  test(`${name}: near what public clouds report, and the same both ways`, () => {
    const ms = roundTripMs(from, to);
    assert.ok(Math.abs(ms - reportedMs) <= reportedMs / 5, `${String(ms)} ms`);
    assert.equal(roundTripMs(to, from), ms);
  });
}

test('next door is not free', () => {
  assert.equal(roundTripMs(mumbai, mumbai), 2);
});
