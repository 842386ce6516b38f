import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addProof,
  freshAtOf,
  type FreshnessProofs,
} from '../../../../../services/router/core/freshness.ts';
import { parsePosition, zeroPosition } from '../../../../../shared/core/position.ts';

const at = (text: string) => parsePosition(text) ?? zeroPosition;
const proofs = [
  { position: at('1:0/10'), freshAtMs: 100 },
  { position: at('1:0/20'), freshAtMs: 200 },
  { position: at('2:0/0'), freshAtMs: 300 },
].reduce<FreshnessProofs>((known, proof) => addProof(known, proof), []);

const rows: [string, string, number | null][] = [
  ['before every proof', '1:0/F', null],
  ['exactly at one', '1:0/10', 100],
  ['between two', '1:0/1F', 100],
  ['past the last of its epoch', '1:0/99', 200],
  ['in a later epoch', '2:0/5', 300],
];
for (const [name, position, freshAtMs] of rows) {
  test(name, () => assert.equal(freshAtOf(at(position), proofs), freshAtMs));
}

test('a weaker proof is dropped, a stronger one replaces', () => {
  assert.equal(addProof(proofs, { position: at('1:0/20'), freshAtMs: 150 }), proofs);
  const stronger = addProof(proofs, { position: at('1:0/10'), freshAtMs: 250 });
  assert.equal(freshAtOf(at('1:0/10'), stronger), 250);
});

test('only so many are kept, the newest', () => {
  let many: FreshnessProofs = [];
  for (let i = 1; i <= 100; i += 1) {
    many = addProof(many, { position: at(`1:0/${i.toString(16)}`), freshAtMs: i }, 8);
  }
  assert.equal(many.length, 8);
  assert.equal(freshAtOf(at('1:0/64'), many), 100);
});
