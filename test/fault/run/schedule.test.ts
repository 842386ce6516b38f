// test: light
/** The same seed is the same faults, however much the load draws meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawFlaps } from './schedule.ts';
import { seededPair } from './seeded-random.ts';
import { pick } from './workload.ts';

const limits = { forMs: 60_000, shortestMs: 1000, longestMs: 8000 };
const regions = ['a', 'b', 'c'];

function faultsOf(seed: number, drawsOfLoad: number): unknown {
  const random = seededPair(seed);
  const chosen = Array.from({ length: 20 }, () => {
    for (let n = 0; n < drawsOfLoad; n += 1) random.load();
    return pick(regions, random.faults);
  });
  return { chosen, flaps: drawFlaps(random.faults, limits) };
}

test('faults depend on the seed, and on nothing that the load draws', () => {
  assert.deepEqual(faultsOf(1, 0), faultsOf(1, 1000));
  assert.notDeepEqual(faultsOf(1, 0), faultsOf(2, 0));
});

test('the load of a seed is not its faults', () => {
  const random = seededPair(1);
  const [faults, load] = [random.faults, random.load].map((draw) =>
    Array.from({ length: 9 }, draw),
  );
  assert.notDeepEqual(faults, load);
});

test('flaps last as long as they should, each within its limits', () => {
  const flaps = drawFlaps(seededPair(3).faults, limits);
  const times = flaps.flatMap(({ downMs, upMs }) => [downMs, upMs]);
  assert.ok(times.every((ms) => ms >= limits.shortestMs && ms <= limits.longestMs));
  const lastsMs = times.reduce((sum, ms) => sum + ms, 0);
  assert.ok(lastsMs >= limits.forMs && lastsMs < limits.forMs + 2 * limits.longestMs);
});
