/** Names of topics, and which broker a rebuilt client asks first. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RegionId } from '../../../../shared/core/region.ts';
import { controlTopicOf, dataTopicOf, rotated } from '../../../../shared/kafka/topic.ts';

test('names are fixed', () => {
  assert.equal(controlTopicOf('main'), 'meridian.main.control');
  assert.equal(dataTopicOf('main', 'eu-west' as RegionId), 'meridian.main.log.eu-west');
});

const rows: [number, string][] = [
  [0, 'abc'],
  [1, 'bca'],
  [2, 'cab'],
  [3, 'abc'],
  [10, 'bca'],
];
for (const [turn, order] of rows) {
  test(`turn ${turn} asks ${order}`, () => {
    assert.equal(rotated(['a', 'b', 'c'], turn).join(''), order);
  });
}

test('no broker at all is no broker', () => {
  assert.deepEqual(rotated([], 3), []);
});
