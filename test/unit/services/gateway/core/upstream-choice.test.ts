import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createChooser,
  eligible,
  usabilityOf,
  type AlgorithmName,
  type Instance,
} from '../../../../../services/gateway/core/upstream-choice.ts';

const good: Instance = {
  id: 'a',
  weight: 1,
  inFlight: 0,
  latencyMs: 0,
  isUp: true,
  isEjected: false,
  isDraining: false,
  isClosed: true,
  isFull: false,
  zone: null,
  capabilities: [],
};

const states: readonly [Partial<Instance>, string][] = [
  [{}, 'usable'],
  [{ isDraining: true }, 'draining'],
  [{ weight: 0 }, 'draining'],
  [{ isUp: false }, 'down'],
  [{ isClosed: false }, 'open'],
  [{ isEjected: true }, 'ejected'],
];

for (const [change, want] of states) {
  test(`an instance with ${JSON.stringify(change)} is ${want}`, () => {
    assert.equal(usabilityOf({ ...good, ...change }), want);
  });
}

const none = new Set<string>();
const idsOf = (instances: readonly Instance[]): string => instances.map(({ id }) => id).join('');

test('only usable ones, without those tried, unless nothing is left', () => {
  const all = [good, { ...good, id: 'b' }, { ...good, id: 'c', isUp: false }];
  assert.equal(idsOf(eligible(all, none, null).instances), 'ab');
  assert.equal(idsOf(eligible(all, new Set(['a']), null).instances), 'b');
  assert.equal(idsOf(eligible(all, new Set(['a', 'b']), null).instances), 'ab');
});

test('full ones come last, before those tried and whatever their zone', () => {
  const full = { ...good, isFull: true, zone: 'z' };
  const all = [full, { ...good, id: 'b' }];
  assert.equal(idsOf(eligible(all, none, 'z').instances), 'b');
  assert.equal(idsOf(eligible(all, new Set(['b']), null).instances), 'a');
  assert.equal(idsOf(eligible([full], none, null).instances), 'a');
});

test('nothing usable: health is set aside, drains and open breakers are not', () => {
  const all = [
    { ...good, isUp: false },
    { ...good, id: 'b', isDraining: true, isUp: false },
    { ...good, id: 'c', isClosed: false },
    { ...good, id: 'd', isEjected: true },
  ];
  const { instances, isPanic } = eligible(all, none, null);
  assert.equal(isPanic, true);
  assert.equal(idsOf(instances), 'ad');
});

test('the own zone first, when it has any', () => {
  const all = [good, { ...good, id: 'b', zone: 'z1' }];
  assert.equal(idsOf(eligible(all, none, 'z1').instances), 'b');
  assert.equal(idsOf(eligible(all, none, 'z9').instances), 'ab');
});

const names: readonly AlgorithmName[] = [
  'round-robin',
  'weighted-round-robin',
  'random',
  'hybrid',
  'least-connections',
  'consistent-hash',
  'adaptive',
];

for (const name of names) {
  test(`${name}: one candidate is chosen without thought, two by a valid index`, () => {
    const chooser = createChooser(name);
    const draw = { first: 0.99, second: 0.99, key: 'k' };
    assert.equal(chooser.choose([good], draw), 0);
    assert.ok([0, 1].includes(chooser.choose([good, { ...good, id: 'b' }], draw)));
  });
}
