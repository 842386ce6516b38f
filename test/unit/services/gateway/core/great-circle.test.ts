import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  distanceKm,
  expectedRoundTripMs,
} from '../../../../../services/gateway/core/great-circle.ts';

const paris = { latitude: 48.8566, longitude: 2.3522 };
const newYork = { latitude: 40.7128, longitude: -74.006 };
const suva = { latitude: -18.1416, longitude: 178.4419 };
const apia = { latitude: -13.8333, longitude: -171.75 };

const rows = [
  { name: 'the same place', from: paris, to: paris, km: 0 },
  { name: 'across the Atlantic', from: paris, to: newYork, km: 5837 },
  { name: 'across the date line', from: suva, to: apia, km: 1144 },
  { name: 'antipodes', from: paris, to: { latitude: -48.8566, longitude: -177.6478 }, km: 20_015 },
];

for (const { name, from, to, km } of rows) {
  test(`distance: ${name}`, () => {
    assert.ok(Math.abs(distanceKm(from, to) - km) < 12, String(distanceKm(from, to)));
    assert.equal(Math.round(distanceKm(from, to)), Math.round(distanceKm(to, from)));
  });
}

test('a round trip over the Atlantic takes some 80 to 95 ms', () => {
  const ms = expectedRoundTripMs(paris, newYork);
  assert.ok(ms > 80 && ms < 95, String(ms));
});
