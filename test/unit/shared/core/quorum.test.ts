import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  kthHighest,
  lowest,
  releasedPositions,
  sealQuorum,
} from '../../../../shared/core/quorum.ts';
import { zeroPosition } from '../../../../shared/core/position.ts';
import { at } from '../../../helpers/control-records.ts';

const acks = ['3:0/20', '3:0/9', '2:FF/0', '3:0/20'].map(at);

const kthRows: readonly { name: string; k: number; of: number; want: string | null }[] = [
  { name: 'the highest', k: 1, of: 4, want: '3:0/20' },
  { name: 'equal ones count each', k: 2, of: 4, want: '3:0/20' },
  { name: 'an older epoch is lower, whatever its LSN', k: 4, of: 4, want: '2:FF/0' },
  { name: 'fewer than K', k: 5, of: 4, want: null },
  { name: 'K of 0 confirms nothing', k: 0, of: 4, want: null },
  { name: 'nobody', k: 1, of: 0, want: null },
];

for (const { name, k, of, want } of kthRows) {
  test(`K-th highest: ${name}`, () => {
    assert.deepEqual(kthHighest(acks.slice(0, of), k), want === null ? null : at(want));
  });
}

test('K-th highest leaves the list as it was', () => {
  const given = [...acks];
  kthHighest(given, 2);
  assert.deepEqual(given, acks);
});

test('the lowest of nobody is nothing', () => {
  assert.equal(lowest([]), null);
  assert.deepEqual(lowest(acks), at('2:FF/0'));
});

const sealRows: readonly { members: number; kLow: number; want: number }[] = [
  { members: 1, kLow: 1, want: 1 },
  { members: 2, kLow: 1, want: 2 },
  { members: 3, kLow: 2, want: 2 },
  { members: 3, kLow: 3, want: 1 },
];

for (const { members, kLow, want } of sealRows) {
  test(`of ${members} members, ${want} seal(s) meet every ${kLow} that confirm`, () => {
    assert.equal(sealQuorum(members, kLow), want);
    assert.ok(want + kLow > members, 'two such sets share a member');
  });
}

interface ReleaseRow {
  readonly name: string;
  readonly of: readonly string[];
  readonly k: number;
  readonly write: string;
  readonly apply: string;
}
const releaseRows: readonly ReleaseRow[] = [
  { name: 'one member', of: ['3:0/9'], k: 1, write: '3:0/9', apply: '3:0/9' },
  { name: 'one of two', of: ['3:0/9', '3:0/20'], k: 1, write: '3:0/20', apply: '3:0/9' },
  {
    name: 'two of three',
    of: ['3:0/9', '3:0/20', '3:0/15'],
    k: 2,
    write: '3:0/15',
    apply: '3:0/9',
  },
  { name: 'fewer than K', of: ['3:0/9'], k: 2, write: '0:0/0', apply: '0:0/0' },
  { name: 'no member', of: [], k: 1, write: '0:0/0', apply: '0:0/0' },
  { name: 'K of 0', of: ['3:0/9'], k: 0, write: '0:0/0', apply: '0:0/0' },
  {
    name: 'a member that has nothing yet',
    of: ['0:0/0', '3:0/9'],
    k: 1,
    write: '3:0/9',
    apply: '0:0/0',
  },
];

for (const { name, of, k, write, apply } of releaseRows) {
  test(`released: ${name}`, () => {
    assert.deepEqual(releasedPositions(of.map(at), k), { write: at(write), apply: at(apply) });
  });
}

test('nothing released is the zero position itself', () => {
  assert.equal(releasedPositions([], 1).write, zeroPosition);
});
