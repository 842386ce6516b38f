import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copiedOf, stepsOf } from '../../../../services/local/region-progress.ts';
import type { AgentState } from '../../../../services/local/agent-state.ts';

const kafka = {
  name: 'kafka',
  pid: 1,
  version: null,
  restarts: 0,
  problem: null,
  waitsFor: null,
  logFile: '',
} as const;
const node = {
  id: 'eu-west/pg-1',
  mode: null,
  operation: null,
  problem: null,
  progress: null,
  adoption: null,
  takenOver: null,
};
const process = { ...kafka, name: 'pg-1' };

function stateOf(
  processes: Partial<AgentState['processes'][number]>,
  nodes: Partial<AgentState['nodes'][number]>,
): AgentState {
  return {
    region: 'eu-west',
    agentPid: 1,
    isReady: false,
    processes: [
      { ...kafka, phase: 'running', ...processes },
      { ...process, phase: 'stopped' },
    ],
    nodes: [{ ...node, data: 'none', process: 'stopped', ...nodes }],
  };
}

const rows: [string, AgentState, string, string, string | null][] = [
  ['a running process', stateOf({}, {}), 'kafka', 'done', null],
  ['one that died', stateOf({ phase: 'failed', problem: 'x' }, {}), 'kafka', 'failed', 'x'],
  ['its restart', stateOf({ phase: 'starting', problem: 'x' }, {}), 'kafka', 'failed', 'x'],
  [
    'one that waits',
    stateOf({ phase: 'starting', waitsFor: 'a quorum' }, {}),
    'kafka',
    'working',
    'a quorum',
  ],
  ['a node nobody started', stateOf({}, {}), 'pg-1', 'working', 'waiting'],
  ['a running node', stateOf({}, { process: 'running' }), 'pg-1', 'done', null],
  [
    'a base backup',
    stateOf({}, { operation: 'seed-standby', progress: { doneBytes: 47, totalBytes: 100 } }),
    'pg-1',
    'working',
    'seed-standby 40 %',
  ],
  ['a failed one', stateOf({}, { problem: 'disk full' }), 'pg-1', 'failed', 'disk full'],
];

for (const [name, state, step, at, detail] of rows) {
  test(`step of ${name}`, () => {
    assert.deepEqual(new Map(stepsOf(state)).get(step), { state: at, detail });
  });
}

test('the time left of a base backup follows its pace', () => {
  const at = (doneBytes: number, totalBytes: number | null = 1000) => ({ doneBytes, totalBytes });
  const first = copiedOf(null, at(200), 5000);
  assert.equal(first?.secondsLeft, null);
  assert.equal(copiedOf(first, at(200), 6000)?.secondsLeft, null);
  assert.equal(copiedOf(first, at(400), 7000)?.secondsLeft, 6);
  assert.equal(copiedOf(first, at(400, null), 7000)?.secondsLeft, null);
  assert.equal(copiedOf(first, at(1000), 9000)?.secondsLeft, 0);
  assert.deepEqual(copiedOf(first, at(0), 9000), {
    ...{ sinceMs: 9000, sinceBytes: 0, secondsLeft: null },
  });
  assert.equal(copiedOf(first, null, 9000), null);
});
