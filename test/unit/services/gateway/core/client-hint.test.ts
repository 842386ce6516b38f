import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  hintedPlace,
  refinePlace,
  type ClientHints,
} from '../../../../../services/gateway/core/client-hint.ts';
import type { ClientPlace } from '../../../../../services/gateway/core/route-decision.ts';

const berlin = { latitude: 52.5, longitude: 13.4 };
const located = (country: string | null, place = berlin): ClientPlace => ({
  ...{ kind: 'located', country, place },
});

const rows: readonly [string, Partial<ClientHints>, ClientPlace | null][] = [
  ['nothing', {}, null],
  ['a country', { country: 'de' }, { kind: 'country', country: 'DE' }],
  ['a country and a place', { country: 'DE', latitude: '52.5', longitude: '13.4' }, located('DE')],
  ['a place alone', { latitude: '52.5', longitude: '13.4' }, located(null)],
  ['half a place', { country: 'DE', latitude: '52.5' }, { kind: 'country', country: 'DE' }],
  ['an unknown country', { country: 'XX' }, null],
  ['an anonymising network', { country: 'T1' }, null],
  ['a name instead of a code', { country: 'Germany' }, null],
  ['coordinates off the globe', { latitude: '91', longitude: '13.4' }, null],
  ['words', { latitude: 'NaN', longitude: '1e3' }, null],
];

for (const [name, hints, want] of rows) {
  test(`hints: ${name}`, () => {
    const none = { country: undefined, latitude: undefined, longitude: undefined };
    assert.deepEqual(hintedPlace({ ...none, ...hints }), want);
  });
}

test('the address helps a hint of the same country, and never contradicts it', () => {
  const hint: ClientPlace = { kind: 'country', country: 'DE' };
  assert.deepEqual(refinePlace(hint, located('DE')), located('DE'));
  assert.deepEqual(refinePlace(hint, located('FR')), hint);
  assert.deepEqual(refinePlace(hint, { kind: 'unknown' }), hint);
  assert.deepEqual(refinePlace(null, located('FR')), located('FR'));
});
