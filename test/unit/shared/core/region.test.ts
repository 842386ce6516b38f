import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  everyAddress,
  isNamedHere,
  isRegionId,
  parseRegionId,
} from '../../../../shared/core/region.ts';

const rows: readonly { name: string; text: string; isRegion: boolean }[] = [
  { name: 'usual', text: 'eu-west', isRegion: true },
  { name: 'digits inside and at the end', text: 'us-east-2', isRegion: true },
  { name: 'the shortest', text: 'eu', isRegion: true },
  { name: 'one letter', text: 'e', isRegion: false },
  { name: 'thirty-two characters', text: `a${'b'.repeat(31)}`, isRegion: true },
  { name: 'thirty-three characters', text: `a${'b'.repeat(32)}`, isRegion: false },
  { name: 'a digit first', text: '2eu', isRegion: false },
  { name: 'a dash last', text: 'eu-', isRegion: false },
  { name: 'upper case', text: 'EU-west', isRegion: false },
  {
    name: 'an underscore: NodeId and slot names would not be told apart',
    text: 'eu_w',
    isRegion: false,
  },
  { name: 'a slash', text: 'eu/west', isRegion: false },
  { name: 'a dot', text: 'eu.west', isRegion: false },
  { name: 'empty', text: '', isRegion: false },
  { name: 'a line end behind it', text: 'eu-west\n', isRegion: false },
];

for (const { name, text, isRegion } of rows) {
  test(`region: ${name}`, () => {
    assert.equal(isRegionId(text), isRegion);
    assert.equal(parseRegionId(text), isRegion ? text : null);
  });
}

test('only a name of the cluster file that leads to one address is named there', () => {
  const inside = 'eu-west.meridian.internal';
  assert.equal(isNamedHere({ host: inside, bind: '10.0.0.1' }), true);
  assert.equal(isNamedHere({ host: inside, bind: everyAddress }), false);
  assert.equal(isNamedHere({ host: 'host1.example', bind: '10.0.0.1' }), false);
});
