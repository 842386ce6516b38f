/** The shape of Meridian's topics, and how a difference from it is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  controlTopicShape,
  dataTopicShape,
  differencesOf,
} from '../../../../shared/kafka/admin.ts';

const brokers = (...voters: boolean[]) =>
  voters.map((isVoter, index) => ({ nodeId: index + 1, isVoter }));

const shapes: [string, boolean[], number[], string][] = [
  ['one region decides alone', [true], [1], '1'],
  ['two regions without a witness cannot lose one', [true, true], [1, 2], '1'],
  ['three regions can lose one', [true, true, true], [1, 2, 3], '2'],
  ['a fourth region holds no replica', [true, true, true, true], [1, 2, 3], '2'],
  ['a region that is no voter is left out', [true, false, true, true], [1, 3, 4], '2'],
];
for (const [name, voters, replicas, minInSync] of shapes) {
  test(`control topic: ${name}`, () => {
    const shape = controlTopicShape(brokers(...voters));
    assert.deepEqual(shape.replicas, replicas);
    assert.equal(shape.settings['min.insync.replicas'], minInSync);
    assert.equal(shape.settings['unclean.leader.election.enable'], 'false');
    assert.equal(shape.settings['flush.messages'], '1');
    assert.equal(shape.settings['retention.ms'], '-1');
  });
}

test('replicas may be in any regions of the cluster, a lost one of three left out', () => {
  const shape = controlTopicShape(brokers(true, true, true, false, false));
  const told = (...replicas: number[]) => differencesOf(shape, { ...shape, replicas });
  assert.deepEqual([told(1, 2, 3), told(5, 4, 1), told(1, 2, 3, 4)], [[], [], []]);
  assert.deepEqual([told(1, 2), told(2)], [[], ['replicas are on 1,2,3 instead of 2']]);
  assert.deepEqual(told(1, 2, 9), ['replicas are on 1,2,3 instead of 1,2,9']);
});

test('a data topic lives on one broker and is on disk when acknowledged', () => {
  const shape = dataTopicShape(7);
  assert.deepEqual(shape.replicas, [7]);
  assert.equal(shape.settings['flush.messages'], '1');
  assert.ok(Number(shape.settings['max.message.bytes']) > 16 * 1024 * 1024);
});

const wanted = { replicas: [1, 2, 3], settings: { a: '1', b: '2' } };
const differences: [string, { replicas: number[]; settings: Record<string, string> }, string[]][] =
  [
    ['the same', { replicas: [1, 2, 3], settings: { a: '1', b: '2' } }, []],
    [
      'another order and more settings',
      { replicas: [3, 1, 2], settings: { ...wanted.settings, c: '3' } },
      [],
    ],
    [
      'another placement',
      { replicas: [1, 2], settings: wanted.settings },
      ['replicas are on 1,2,3 instead of 1,2'],
    ],
    [
      'a changed and a missing setting',
      { replicas: [1, 2, 3], settings: { a: '5' } },
      ['a is 1 instead of 5', 'b is 2 instead of unset'],
    ],
  ];
for (const [name, found, told] of differences) {
  test(`difference: ${name}`, () => {
    assert.deepEqual(differencesOf(wanted, found), told);
  });
}
