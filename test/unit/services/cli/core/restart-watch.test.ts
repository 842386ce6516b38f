import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  changesBetween,
  type SeenProcess,
} from '../../../../../services/cli/core/restart-watch.ts';

const running: SeenProcess = { name: 'kafka', phase: 'running', restarts: 0, problem: null };

for (const [what, now, lines] of [
  ['nothing', running, []],
  [
    'a death',
    { ...running, phase: 'starting', restarts: 1, problem: 'killed by SIGKILL' },
    ['eu-west/kafka ended: killed by SIGKILL (restart 1)'],
  ],
  [
    'a failure',
    { ...running, phase: 'failed', problem: 'disk full' },
    ['eu-west/kafka failed: disk full'],
  ],
] as const) {
  test(`${what} is told`, () => {
    assert.deepEqual(changesBetween('eu-west', [running], [now]), lines);
  });
}

test('coming back is told, a process seen for the first time is not', () => {
  const starting: SeenProcess = { ...running, phase: 'starting' };
  assert.deepEqual(changesBetween('eu-west', [starting], [running]), ['eu-west/kafka runs']);
  assert.deepEqual(changesBetween('eu-west', [], [running]), []);
});
