import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNow, portableNow } from '../../../../../services/router/core/primary-now.ts';
import { parseEpoch, noEpoch } from '../../../../../shared/core/epoch.ts';
import { parsePosition, zeroPosition } from '../../../../../shared/core/position.ts';

const now = {
  epoch: parseEpoch(2) ?? noEpoch,
  wallMs: 1000,
  newest: { position: parsePosition('2:0/10') ?? zeroPosition, ageMs: 5 },
};

test('comes back as it was sent', () => {
  assert.deepEqual(parseNow(JSON.parse(JSON.stringify(portableNow(now)))), now);
  const without = { ...now, newest: null };
  assert.deepEqual(parseNow(portableNow(without)), without);
});

for (const [name, body] of [
  ['nothing', null],
  ['no epoch', { wallMs: 1 }],
  ['no time', { epoch: 1 }],
] as const) {
  test(`refuses ${name}`, () => assert.equal(parseNow(body), null));
}

test('a position that cannot be read proves nothing', () => {
  const body = { epoch: 2, wallMs: 1, newest: { position: 'x', ageMs: 1 } };
  assert.equal(parseNow(body)?.newest, null);
});
