import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  consistencyOf,
  portableConsistency,
  portablePosition,
  positionOfPortable,
} from '../../../../../services/router/core/forwarded-form.ts';
import type { Consistency } from '../../../../../shared/core/consistency.ts';
import { parsePosition } from '../../../../../shared/core/position.ts';

const token = parsePosition('3:1/AB');
const levels: Consistency[] = [
  { level: 'strong' },
  { level: 'session', token },
  { level: 'bounded', maxStalenessMs: 250 },
  { level: 'eventual' },
];

for (const level of levels) {
  test(`${level.level} comes back`, () => {
    assert.deepEqual(consistencyOf(portableConsistency(level), token), level);
  });
}

test('positions travel as text', () => {
  assert.equal(portablePosition(token), '3:1/AB');
  assert.deepEqual(positionOfPortable('3:1/AB'), token);
  assert.equal(positionOfPortable(null), null);
  assert.equal(positionOfPortable('3'), 'malformed');
});
