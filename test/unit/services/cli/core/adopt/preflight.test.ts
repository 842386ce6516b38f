import assert from 'node:assert/strict';
import { test } from 'node:test';
import { obstaclesOf, preflight } from '../../../../../../services/cli/core/adopt/preflight.ts';
import { goodContent, goodFacts, goodServer } from './facts.ts';

test('obstacles of the server and of what it holds are found together', () => {
  assert.deepEqual(obstaclesOf(preflight(goodFacts)), []);
  const found = preflight({
    ...goodFacts,
    server: { ...goodServer, isSuperuser: false, superuserSessions: ['x'] },
    content: { ...goodContent, largeObjects: 1 },
  });
  assert.deepEqual(
    obstaclesOf(found).map(({ check }) => check),
    ['privileges', 'large objects'],
  );
});
