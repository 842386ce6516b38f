import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodePositionToken,
  encodePositionToken,
  type PositionToken,
} from '../../../../shared/core/position-token.ts';
import { at } from '../../../helpers/control-records.ts';

const token: PositionToken = {
  clusterId: '00000000-0000-4000-8000-000000000001',
  cell: 'main',
  position: at('7:16/B374D848'),
  isUpperBound: false,
};
const text = '1.main.7:16/B374D848.e.00000000-0000-4000-8000-000000000001';

test('a token has one written form, and comes back from it', () => {
  assert.equal(encodePositionToken(token), text);
  assert.deepEqual(decodePositionToken(text), token);
});

test('an upper bound stays one', () => {
  const bound = { ...token, isUpperBound: true };
  assert.deepEqual(decodePositionToken(encodePositionToken(bound)), bound);
});

const refused: readonly { name: string; text: string }[] = [
  { name: 'empty', text: '' },
  { name: 'of another version', text: text.replace(/^1/, '2') },
  { name: 'without its cluster', text: '1.main.7:0/1.e' },
  { name: 'with one part too many', text: `${text}.x` },
  { name: 'with a position that is none', text: '1.main.7.e.id' },
  { name: 'with an unknown kind of bound', text: '1.main.7:0/1.x.id' },
  { name: 'without a kind of bound', text: '1.main.7:0/1..id' },
];

for (const row of refused) {
  test(`a token is refused: ${row.name}`, () => {
    assert.equal(decodePositionToken(row.text), null);
  });
}
