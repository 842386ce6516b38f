import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  consistencyLevels,
  cutBelow,
  isWithinCuts,
  judgeToken,
  parseConsistencyLevel,
  type EpochCut,
  type TokenVerdict,
} from '../../../../shared/core/consistency.ts';
import type { Epoch } from '../../../../shared/core/epoch.ts';
import { at } from '../../../helpers/control-records.ts';

function cut(epoch: number, where: string): EpochCut {
  return { epoch: epoch as Epoch, cut: at(where) };
}

/** Epoch 3 was cut short of epoch 2's end and epoch 4 opened nowhere: 5 goes on from 2. */
const history = [
  cut(1, '0:0/0'),
  cut(2, '1:0/50'),
  cut(3, '2:0/80'),
  cut(4, '3:0/20'),
  cut(5, '2:0/80'),
];

const cutRows: readonly { name: string; position: string; upto: number; want: boolean }[] = [
  { name: 'at the cut', position: '1:0/50', upto: 2, want: true },
  { name: 'one byte beyond the cut', position: '1:0/51', upto: 2, want: false },
  { name: 'beyond a cut that is not reached yet', position: '1:0/51', upto: 1, want: true },
  { name: 'below every cut', position: '1:0/40', upto: 5, want: true },
  { name: 'of the epoch that is judged', position: '5:FF/0', upto: 5, want: true },
  { name: 'of an epoch after it', position: '6:0/1', upto: 5, want: true },
  { name: 'within the next cut, beyond a later one', position: '3:0/10', upto: 5, want: false },
  { name: 'within the next cut, the later not reached', position: '3:0/10', upto: 4, want: true },
  { name: 'of an older epoch, beyond its own cut only', position: '1:0/60', upto: 5, want: false },
  { name: 'of no epoch, as a new database', position: '0:0/0', upto: 5, want: true },
  { name: 'of no epoch, with commits of its own', position: '0:0/9', upto: 1, want: true },
];

for (const { name, position, upto, want } of cutRows) {
  test(`within the cuts: ${name}`, () => {
    assert.equal(isWithinCuts(at(position), upto as Epoch, history), want);
  });
}

const leftRows: readonly { position: string; upto: number; want: string | null }[] = [
  { position: '1:0/51', upto: 2, want: '1:0/50' },
  { position: '3:0/10', upto: 5, want: '2:0/80' },
  { position: '1:0/60', upto: 5, want: '1:0/50' },
  { position: '1:0/50', upto: 5, want: null },
];

for (const { position, upto, want } of leftRows) {
  test(`of ${position} in epoch ${upto} is left: ${want ?? 'all'}`, () => {
    const left = cutBelow(at(position), upto as Epoch, history);
    assert.deepEqual(left, want === null ? null : at(want));
    assert.ok(left === null || isWithinCuts(left, upto as Epoch, history));
  });
}

test('the order of the history does not matter, and without one nothing is beyond', () => {
  assert.ok(!isWithinCuts(at('3:0/10'), 5 as Epoch, history.toReversed()));
  assert.ok(isWithinCuts(at('3:0/10'), 5 as Epoch, []));
});

const tokenRows: readonly { name: string; token: string; node: string; want: TokenVerdict }[] = [
  { name: 'a node just there', token: '2:0/80', node: '2:0/80', want: 'satisfied' },
  { name: 'a node one byte before', token: '2:0/80', node: '2:0/7F', want: 'wait' },
  { name: 'a node of an older epoch', token: '2:0/1', node: '1:FF/0', want: 'wait' },
  {
    name: 'the start of the next epoch, at the cut',
    token: '1:0/50',
    node: '2:0/0',
    want: 'satisfied',
  },
  { name: 'the start of the next epoch, beyond it', token: '1:0/51', node: '2:0/0', want: 'lost' },
  { name: 'lost two epochs ago', token: '1:0/51', node: '5:0/1', want: 'lost' },
  { name: 'not lost until the node knows', token: '3:0/10', node: '4:0/0', want: 'satisfied' },
  { name: 'lost by a cut below an opened epoch', token: '3:0/10', node: '5:0/0', want: 'lost' },
  { name: 'the empty database', token: '0:0/0', node: '0:0/0', want: 'satisfied' },
];

for (const { name, token, node, want } of tokenRows) {
  test(`token: ${name}`, () => {
    assert.equal(judgeToken(at(token), at(node), history), want);
  });
}

test('a level is read by its name alone', () => {
  for (const level of consistencyLevels) assert.equal(parseConsistencyLevel(level), level);
  for (const text of ['', 'Strong', 'bounded(5)', ' session']) {
    assert.equal(parseConsistencyLevel(text), null);
  }
});
