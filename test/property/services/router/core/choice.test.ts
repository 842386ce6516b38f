/** Spreading of reads: shares, smoothness, and that nobody is starved. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  chooseReplica,
  initialChoiceState,
  type Candidate,
} from '../../../../../services/router/core/replica-choice.ts';
import type { NodeId } from '../../../../../shared/core/node.ts';

const weights = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 });

function candidatesOf(list: readonly number[]): Candidate[] {
  return list.map((weight, index) => ({
    id: `eu-west/pg-${index + 1}` as NodeId,
    weight,
    inFlight: 0,
    latencyMs: 1,
  }));
}

function run(
  candidates: Candidate[],
  count: number,
  algorithm: 'weighted-round-robin' | 'round-robin',
) {
  let state = initialChoiceState;
  return Array.from({ length: count }, () => {
    const chosen = chooseReplica(state, candidates, algorithm);
    state = chosen.state;
    return chosen.choice;
  });
}

test('weighted: exactly the weight of each in every full round', () => {
  fc.assert(
    fc.property(weights, (list) => {
      const candidates = candidatesOf(list);
      const total = list.reduce((sum, weight) => sum + weight, 0);
      const choices = run(candidates, 3 * total, 'weighted-round-robin');
      for (let round = 0; round < 3; round += 1) {
        const part = choices.slice(round * total, (round + 1) * total);
        for (const { id, weight } of candidates) {
          assert.equal(part.filter((choice) => choice === id).length, weight);
        }
      }
    }),
  );
});

test('weighted: at any time nobody is more than one choice from its share', () => {
  fc.assert(
    fc.property(weights, (list) => {
      const candidates = candidatesOf(list);
      const total = list.reduce((sum, weight) => sum + weight, 0);
      const counts = new Map<unknown, number>();
      run(candidates, 2 * total, 'weighted-round-robin').forEach((choice, index) => {
        counts.set(choice, (counts.get(choice) ?? 0) + 1);
        for (const { id, weight } of candidates) {
          const due = ((index + 1) * weight) / total;
          assert.ok(Math.abs((counts.get(id) ?? 0) - due) <= candidates.length / 2 + 1);
        }
      });
    }),
  );
});

test('round robin: every node once in each round, whatever the weights above 1', () => {
  fc.assert(
    fc.property(weights, (list) => {
      const candidates = candidatesOf(list);
      const choices = run(candidates, 2 * list.length, 'round-robin');
      assert.equal(new Set(choices.slice(0, list.length)).size, list.length);
      assert.equal(new Set(choices.slice(list.length)).size, list.length);
    }),
  );
});

test('a node that comes and goes never keeps others from their turn', () => {
  const steps = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { minLength: 1 }), {
    minLength: 20,
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (present) => {
      let state = initialChoiceState;
      const waiting = new Map<number, number>();
      for (const nodes of present) {
        const candidates = candidatesOf([1, 1, 1, 1]).filter((_, i) => nodes.includes(i + 1));
        const chosen = chooseReplica(state, candidates, 'round-robin');
        state = chosen.state;
        const number = Number(chosen.choice?.at(-1));
        assert.ok(nodes.includes(number), 'only nodes that are there');
        for (const node of nodes) waiting.set(node, (waiting.get(node) ?? 0) + 1);
        waiting.set(number, 0);
        for (const turns of waiting.values()) assert.ok(turns <= 16, `${turns} turns without one`);
      }
    }),
  );
});
