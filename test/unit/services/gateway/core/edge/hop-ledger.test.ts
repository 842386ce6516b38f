import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HopLedger } from '../../../../../../services/gateway/core/edge/hop-ledger.ts';

const window = 65_536;
const ledger = (): HopLedger => new HopLedger('own', 1000);
const of = (number: number, sender = 's'): { sender: string; number: number } => ({
  sender,
  number,
});

test('signed hops are numbered, and name the process', () => {
  const own = ledger();
  assert.deepEqual([own.next(), own.next()], [of(1, 'own'), of(2, 'own')]);
});

const rows: readonly { name: string; numbers: readonly number[]; taken: readonly boolean[] }[] = [
  { name: 'in order', numbers: [1, 2, 3], taken: [true, true, true] },
  { name: 'the same again', numbers: [1, 1, 2, 1], taken: [true, false, true, false] },
  { name: 'overtaken', numbers: [9, 3, 9, 3], taken: [true, true, false, false] },
  { name: 'as old as the window', numbers: [window, 1, 1], taken: [true, true, false] },
  { name: 'older than the window', numbers: [window + 1, 1], taken: [true, false] },
  {
    name: 'the place of an old number is free for a new one',
    numbers: [5, window + 5, 5, window + 5],
    taken: [true, true, false, false],
  },
  {
    name: 'a leap beyond the window',
    numbers: [5, 3 * window, 2 * window + 5, 5],
    taken: [true, true, true, false],
  },
];

for (const { name, numbers, taken } of rows) {
  test(name, () => {
    const own = ledger();
    assert.deepEqual(
      numbers.map((number) => own.take(of(number), 0)),
      taken,
    );
  });
}

test('signers do not share numbers', () => {
  const own = ledger();
  assert.deepEqual([own.take(of(1, 'a'), 0), own.take(of(1, 'b'), 0)], [true, true]);
});

test('a signer is forgotten when it was silent for long enough, not before', () => {
  const own = ledger();
  own.take(of(1), 0);
  own.take(of(1, 'other'), 1000);
  assert.equal(own.take(of(1), 1000), false);
  own.take(of(1, 'third'), 2001);
  assert.equal(own.take(of(1), 2001), true, 'forgotten');
});

test('against a set that forgets nothing: random order within the window', () => {
  const own = ledger();
  const seen = new Set<number>();
  let state = 7;
  for (let turn = 1; turn < 200_000; turn += 1) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const number = Math.max(1, turn - (state % 60_000));
    assert.equal(own.take(of(number), 0), !seen.has(number));
    seen.add(number);
  }
});
