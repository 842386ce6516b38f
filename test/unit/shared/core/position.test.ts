import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  comparePositions,
  formatPosition,
  isAtOrPast,
  laterPosition,
  parsePosition,
  zeroPosition,
} from '../../../../shared/core/position.ts';
import { at } from '../../../helpers/control-records.ts';

const orders: readonly { name: string; a: string; b: string; want: -1 | 0 | 1 }[] = [
  { name: 'the same', a: '2:0/10', b: '2:0/10', want: 0 },
  { name: 'earlier in the same epoch', a: '2:0/F', b: '2:0/10', want: -1 },
  { name: 'a newer epoch wins over a higher LSN', a: '3:0/0', b: '2:FFFFFFFF/0', want: 1 },
  { name: 'the start of an epoch is before its first commit', a: '3:0/0', b: '3:0/1', want: -1 },
  { name: 'LSNs apart by more than 2^53', a: '1:0/1', b: '1:FFFFFFFF/0', want: -1 },
  { name: 'LSNs apart by one, beyond 2^53', a: '1:7FFFFFFF/2', b: '1:7FFFFFFF/1', want: 1 },
];

for (const { name, a, b, want } of orders) {
  test(`order: ${name}`, () => {
    assert.equal(Math.sign(comparePositions(at(a), at(b))), want);
    assert.equal(Math.sign(comparePositions(at(b), at(a))), 0 - want);
    assert.equal(isAtOrPast(at(a), at(b)), want >= 0);
    assert.deepEqual(laterPosition(at(a), at(b)), at(want >= 0 ? a : b));
  });
}

const texts: readonly { name: string; text: string; isPosition: boolean }[] = [
  { name: 'the beginning of everything', text: '0:0/0', isPosition: true },
  { name: 'usual', text: '7:16/B374D848', isPosition: true },
  { name: 'the highest epoch', text: '2147483647:0/1', isPosition: true },
  { name: 'an epoch beyond it', text: '2147483648:0/1', isPosition: false },
  { name: 'no epoch', text: ':0/1', isPosition: false },
  { name: 'no LSN', text: '7:', isPosition: false },
  { name: 'a decimal LSN', text: '7:1234', isPosition: false },
  { name: 'a negative epoch', text: '-1:0/1', isPosition: false },
  { name: 'something behind it', text: '7:0/1:0/2', isPosition: false },
];

for (const { name, text, isPosition } of texts) {
  test(`text: ${name}`, () => {
    const position = parsePosition(text);
    assert.equal(position === null ? null : formatPosition(position), isPosition ? text : null);
  });
}

test('nothing is before the zero position', () => {
  assert.deepEqual(parsePosition('0:0/0'), zeroPosition);
  assert.ok(isAtOrPast(zeroPosition, zeroPosition));
});
