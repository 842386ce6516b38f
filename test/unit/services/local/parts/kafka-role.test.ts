import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roleOf } from '../../../../../services/local/parts/kafka-role.ts';

const broker = { isController: false, isGiving: false };
const controller = { isController: true, isGiving: false };
const giving = { isController: true, isGiving: true };

const rows = [
  ['a voter of the file', { isVoter: true, wasController: true, hasVote: null }, controller],
  ['a new voter', { isVoter: true, wasController: false, hasVote: null }, controller],
  ['one that never voted', { isVoter: false, wasController: false, hasVote: null }, broker],
  [
    'one that gives and still votes',
    { isVoter: false, wasController: true, hasVote: true },
    giving,
  ],
  ['one that gave', { isVoter: false, wasController: true, hasVote: false }, broker],
  [
    'one that asked nobody who knows',
    { isVoter: false, wasController: true, hasVote: null },
    giving,
  ],
] as const;

for (const [name, facts, expected] of rows) {
  test(name, () => assert.deepEqual(roleOf(facts), expected));
}
