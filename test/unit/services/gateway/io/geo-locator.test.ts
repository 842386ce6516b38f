import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import {
  createGeoLocator,
  type GeoLocator,
  type GeoSource,
} from '../../../../../services/gateway/io/geo-locator.ts';

type Row = ReturnType<GeoSource['tables']['lookup']>;
const known = new Map<string, Row>();
let lookups = 0;
let geo: GeoLocator;

before(async () => {
  geo = await createGeoLocator({
    ...{ file: '/nowhere', pollMs: 1000 },
    tables: {
      lookup(address) {
        lookups += 1;
        if (address === '192.0.1.1') throw new Error('a bad row');
        return known.get(address) ?? null;
      },
      reloadData: (done) => done(null),
    },
  });
});

const rows: readonly [string, Row, object][] = [
  ['8.8.8.8', { country: 'US', ll: [37, -97] }, { kind: 'located', country: 'US' }],
  ['8.8.8.9', { country: 'US', ll: [null, null] }, { kind: 'country', country: 'US' }],
  ['8.8.8.10', { country: 'US' }, { kind: 'country', country: 'US' }],
  ['8.8.8.11', { country: '', ll: [1, 2] }, { kind: 'located', country: null }],
  ['8.8.8.12', { country: '' }, { kind: 'unknown' }],
  ['2001:4860::8888', { country: 'US' }, { kind: 'country', country: 'US' }],
  ['::ffff:8.8.8.8', { country: 'US' }, { kind: 'country', country: 'US' }],
  ['9.9.9.9', null, { kind: 'unknown' }],
  ['192.0.1.1', null, { kind: 'unknown' }],
  ['fc00::1', null, { kind: 'private' }],
  ['127.0.0.1', null, { kind: 'private' }],
  ['100.64.0.1', null, { kind: 'private' }],
  ['fd00::1', null, { kind: 'private' }],
  ['fe80::1', null, { kind: 'private' }],
  ['0.0.0.0', null, { kind: 'unknown' }],
  ['240.0.0.1', null, { kind: 'unknown' }],
  ['224.0.0.1', null, { kind: 'unknown' }],
  ['no address', null, { kind: 'unknown' }],
];

for (const [address, row, want] of rows) {
  test(`${address} with ${JSON.stringify(row)}`, () => {
    if (row !== null) known.set(address, row);
    assert.partialDeepStrictEqual(geo.locate(address), want);
  });
}

test('an address is looked up once', () => {
  geo.locate('8.8.4.4');
  const lookupsBefore = lookups;
  for (let i = 0; i < 10; i += 1) geo.locate('8.8.4.4');
  assert.equal(lookups, lookupsBefore);
});
