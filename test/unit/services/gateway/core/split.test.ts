import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupAt, placeOf } from '../../../../../services/gateway/core/split.ts';

const parts = [
  { group: 'canary', share: 0.1 },
  { group: 'beta', share: 0.2 },
];
const rows = [
  { at: 0, want: 'canary' },
  { at: 0.0999, want: 'canary' },
  { at: 0.1, want: 'beta' },
  { at: 0.31, want: 'main' },
  { at: 0.999, want: 'main' },
];

for (const { at, want } of rows) {
  test(`at ${String(at)}: ${want}`, () => assert.equal(groupAt('main', parts, at), want));
}

test('clients spread evenly and stay on their side', () => {
  const places = Array.from({ length: 10_000 }, (_, n) => placeOf(`192.0.2.${String(n)}`));
  assert.ok(places.every((place) => place >= 0 && place < 1));
  const below = places.filter((place) => place < 0.1).length;
  assert.ok(below > 850 && below < 1150, String(below));
  assert.equal(placeOf('192.0.2.7'), placeOf('192.0.2.7'));
});
