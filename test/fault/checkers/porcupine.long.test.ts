// test: light
/**
 * The own checker of registers and porcupine say the same of thousands of generated histories, good
 * ones and spoilt ones. Where Go is missing the comparison is skipped, and says so.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPorcupine } from './porcupine.ts';
import { isLinearizable } from './linearizable.ts';
import type { Operation } from '../run/history.ts';
import { seededRandom } from '../run/seeded-random.ts';

const histories = 4000;

test('porcupine and the own checker agree', (context) => {
  const porcupine = createPorcupine();
  if (porcupine === null) {
    context.skip('no Go toolchain that reaches a module proxy');
    return;
  }
  try {
    const random = seededRandom(1);
    const made = Array.from({ length: histories }, () => makeHistory(random));
    const theirs = porcupine.check(made);
    const own = made.map(isLinearizable);
    const differing = made.filter((_, place) => theirs[place] !== own[place]);
    assert.deepEqual(differing.slice(0, 1), []);
    const bad = own.filter((verdict) => !verdict).length;
    console.log(`${histories} histories, ${bad} not linearizable, the same verdict on each`);
    assert.ok(bad > histories / 10 && bad < (9 * histories) / 10);
  } finally {
    porcupine.close();
  }
});

/** Clients of a real register, each operation taking effect between its ends; half are spoilt. */
function makeHistory(random: () => number): Operation[] {
  const clients = 2 + Math.floor(random() * 4);
  const planned = Array.from({ length: 6 + Math.floor(random() * 20) }, (_, n) => {
    const client = n % clients;
    const startedMs = Math.floor(n / clients) * 10 + random() * 8;
    const endedMs = startedMs + random() * (10 - (startedMs % 10));
    return { client, startedMs, endedMs, atMs: startedMs + random() * (endedMs - startedMs), n };
  });
  let value: number | null = null;
  const operations = planned
    .toSorted((a, b) => a.atMs - b.atMs)
    .map(({ client, startedMs, endedMs, n }): Operation => {
      const dice = random();
      const isUnknown = dice >= 0.4 && random() < 0.2;
      const base = {
        ...{ client: `c${client}`, region: 'r', key: 'k', code: '', startedMs, endedMs },
        ...{ epoch: 1, servedBy: 'r' },
      };
      const happens = !isUnknown || random() < 0.5;
      const outcome = isUnknown ? 'unknown' : 'ok';
      if (dice < 0.4) return { ...base, name: 'read', input: null, output: value, outcome };
      if (dice < 0.8) {
        if (happens) value = n;
        return { ...base, name: 'write', input: n, output: null, outcome };
      }
      const expected = random() < 0.7 ? value : n - 1;
      const hits = value === expected;
      if (happens && hits) value = n;
      const output = isUnknown ? null : hits;
      return { ...base, name: 'cas', input: [expected, n], output, outcome };
    });
  return random() < 0.5 ? operations : spoilt(operations, random);
}

/** One read shows something else than it did. */
function spoilt(operations: Operation[], random: () => number): Operation[] {
  const reads = operations.filter(({ name }) => name === 'read');
  const chosen = reads[Math.floor(random() * reads.length)];
  const output = Math.floor(random() * operations.length);
  return operations.map((one) => (one === chosen ? { ...one, output } : one));
}
