import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  chooseReplica,
  initialChoiceState,
  type Candidate,
  type ChoiceAlgorithm,
} from '../../../../../services/router/core/replica-choice.ts';
import type { NodeId } from '../../../../../shared/core/node.ts';

const node = (n: number, change: Partial<Candidate> = {}): Candidate => ({
  id: `eu-west/pg-${n}` as NodeId,
  weight: 1,
  inFlight: 0,
  latencyMs: 1,
  ...change,
});

function choices(candidates: Candidate[], algorithm: ChoiceAlgorithm, count: number): string {
  let state = initialChoiceState;
  let text = '';
  for (let i = 0; i < count; i += 1) {
    const chosen = chooseReplica(state, candidates, algorithm);
    state = chosen.state;
    text += chosen.choice?.at(-1) ?? '-';
  }
  return text;
}

const rows: [string, Candidate[], ChoiceAlgorithm, string][] = [
  ['nobody', [], 'round-robin', '---'],
  ['round robin', [node(1), node(2), node(3)], 'round-robin', '123123'],
  ['round robin ignores weights above 1', [node(1, { weight: 5 }), node(2)], 'round-robin', '1212'],
  ['smooth weighted', [node(1, { weight: 3 }), node(2)], 'weighted-round-robin', '11211121'],
  ['weight 0 only when alone', [node(1, { weight: 0 }), node(2)], 'round-robin', '222'],
  ['all of weight 0', [node(1, { weight: 0 }), node(2, { weight: 0 })], 'round-robin', '1212'],
  [
    'least connections',
    [node(1, { inFlight: 3 }), node(2, { inFlight: 1 })],
    'least-connections',
    '22',
  ],
  ['among equals in turn', [node(1), node(2)], 'least-connections', '1212'],
  [
    'lowest latency',
    [node(1, { latencyMs: 9 }), node(2, { latencyMs: 2 })],
    'lowest-latency',
    '22',
  ],
  [
    'noise in latency is shared',
    [node(1, { latencyMs: 2 }), node(2, { latencyMs: 2.1 })],
    'lowest-latency',
    '1212',
  ],
  ['slow start takes a small share', [node(1, { weight: 0.25 }), node(2)], 'round-robin', '22122'],
];

for (const [name, candidates, algorithm, expected] of rows) {
  test(name, () => assert.equal(choices(candidates, algorithm, expected.length), expected));
}
