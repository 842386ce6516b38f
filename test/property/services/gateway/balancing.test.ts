/** Balancing algorithms against what each promises, over generated groups. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { adaptive, costOf } from '../../../../services/gateway/core/balance/adaptive.ts';
import type { Candidate } from '../../../../services/gateway/core/balance/candidate.ts';
import { consistentHash } from '../../../../services/gateway/core/balance/consistent-hash.ts';
import { hybrid } from '../../../../services/gateway/core/balance/hybrid.ts';
import { leastConnections } from '../../../../services/gateway/core/balance/least-connections.ts';
import { random } from '../../../../services/gateway/core/balance/random.ts';
import { roundRobin } from '../../../../services/gateway/core/balance/round-robin.ts';
import { smoothWeighted } from '../../../../services/gateway/core/balance/smooth-weighted.ts';
import { candidates, choices } from '../../../helpers/balancing.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${String(seed)}`);
const settings = { seed, numRuns: 200 };
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 12 });
const busy = fc.array(
  fc.record({
    inFlight: fc.integer({ min: 0, max: 50 }),
    latencyMs: fc.double({ min: 0, max: 1000, noNaN: true }),
    weight: fc.integer({ min: 1, max: 10 }),
  }),
  { minLength: 2, maxLength: 12 },
);
const named = (rows: readonly Omit<Candidate, 'id'>[]): Candidate[] =>
  rows.map((row, index) => ({ id: `u${String(index)}`, ...row }));

test('every algorithm gives a valid index for any group and draw', () => {
  const all = [
    ...[roundRobin, smoothWeighted, random, hybrid],
    ...[leastConnections, consistentHash, adaptive],
  ] as (typeof random)[];
  fc.assert(
    fc.property(busy, fc.record({ first: unit, second: unit, key: fc.string() }), (rows, draw) => {
      for (const algorithm of all) {
        const { index } = algorithm.choose(named(rows), algorithm.initial, draw);
        assert.ok(Number.isInteger(index) && index >= 0 && index < rows.length);
      }
    }),
    settings,
  );
});

test('random: even draws fall to each in proportion to its weight', () => {
  fc.assert(
    fc.property(weights, (given) => {
      const draws = 2000;
      const total = given.reduce((sum, weight) => sum + weight, 0);
      let turn = 0;
      const even = { count: draws, random: () => (Math.floor(turn++ / 2) + 0.5) / draws };
      const chosen = choices(random, candidates(given.length, given), even);
      for (const [index, weight] of given.entries()) {
        const count = chosen.filter((one) => one === index).length;
        assert.ok(Math.abs(count - (draws * weight) / total) <= 1);
      }
    }),
    { ...settings, numRuns: 50 },
  );
});

test('round robin and hybrid: each round visits everybody exactly once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.infiniteStream(unit), (count, stream) => {
      const random = (): number => Number(stream.next().value);
      for (const chosen of [
        choices(roundRobin, candidates(count), count * 3),
        choices(hybrid, candidates(count), { count: count * 3, random }),
      ]) {
        for (let round = 0; round < 3; round += 1) {
          const part = chosen.slice(round * count, (round + 1) * count);
          assert.equal(new Set(part).size, count);
        }
      }
    }),
    settings,
  );
});

test('smooth weighted round robin: exact shares in each cycle', () => {
  fc.assert(
    fc.property(weights, (given) => {
      const total = given.reduce((sum, weight) => sum + weight, 0);
      const counts = given.map(() => 0);
      for (const [turn, index] of choices(
        smoothWeighted,
        candidates(given.length, given),
        total,
      ).entries()) {
        counts[index] = (counts[index] ?? 0) + 1;
        for (const [at, weight] of given.entries()) {
          const fair = (weight * (turn + 1)) / total;
          assert.ok(Math.abs((counts[at] ?? 0) - fair) <= given.length);
        }
      }
      assert.deepEqual(counts, given);
    }),
    settings,
  );
});

test('least connections: nobody has less for its weight', () => {
  fc.assert(
    fc.property(busy, unit, (rows, first) => {
      const group = named(rows);
      const { index } = leastConnections.choose(group, null, { first, second: 0, key: '' });
      const least = Math.min(...group.map(({ inFlight, weight }) => inFlight / weight));
      const chosen = group[index];
      assert.ok(chosen !== undefined && chosen.inFlight / chosen.weight === least);
    }),
    settings,
  );
});

test('consistent hash: when an instance leaves, only its keys move', () => {
  const keys = Array.from({ length: 200 }, (_, index) => `key ${String(index)}`);
  fc.assert(
    fc.property(weights, fc.nat(), (given, pick) => {
      const group = candidates(given.length + 1, [...given, 1]);
      const gone = group[pick % group.length];
      const rest = group.filter((candidate) => candidate !== gone);
      for (const key of keys) {
        const draw = { first: 0, second: 0, key };
        const before = group[consistentHash.choose(group, null, draw).index];
        const now = rest[consistentHash.choose(rest, null, draw).index];
        if (before !== gone) assert.equal(now?.id, before?.id);
      }
    }),
    { ...settings, numRuns: 50 },
  );
});

test('consistent hash: nobody above 1.25 times its share is chosen', () => {
  fc.assert(
    fc.property(busy, fc.string(), (rows, key) => {
      const group = named(rows);
      const chosen = group[consistentHash.choose(group, null, { first: 0, second: 0, key }).index];
      const inFlight = 1 + rows.reduce((sum, row) => sum + row.inFlight, 0);
      const total = rows.reduce((sum, row) => sum + row.weight, 0);
      assert.ok(chosen !== undefined);
      assert.ok(chosen.inFlight < Math.ceil((1.25 * inFlight * chosen.weight) / total));
    }),
    settings,
  );
});

test('consistent hash: keys spread by weight', () => {
  const group = candidates(3, [1, 2, 5]);
  const counts = [0, 0, 0];
  for (let i = 0; i < 8000; i += 1) {
    const draw = { first: 0, second: 0, key: `user-${String(i)}` };
    const { index } = consistentHash.choose(group, null, draw);
    counts[index] = (counts[index] ?? 0) + 1;
  }
  for (const [index, share] of [1000, 2000, 5000].entries()) {
    assert.ok(Math.abs((counts[index] ?? 0) - share) < 250, counts.join(' '));
  }
});

test('adaptive: never the costliest of three or more that differ', () => {
  fc.assert(
    fc.property(busy, unit, unit, (rows, first, second) => {
      const group = named(rows);
      const chosen = group[adaptive.choose(group, null, { first, second, key: '' }).index];
      const costs = group.map(costOf).toSorted((a, b) => b - a);
      assert.ok(chosen !== undefined);
      if (costs[0] !== costs[1]) assert.ok(costOf(chosen) < (costs[0] ?? 0));
    }),
    settings,
  );
});
