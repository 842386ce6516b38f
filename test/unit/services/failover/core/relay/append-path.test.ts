import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  chooseAppendPath,
  isReadStalled,
  readStallMs,
  type PathFacts,
} from '../../../../../../services/failover/core/relay/append-path.ts';

const healthy: PathFacts = {
  nowMs: 100_000,
  ownFailedAtMs: null,
  relayFailedAtMs: null,
  ownEntryAtMs: 99_800,
};

const rows: readonly (readonly [string, Partial<PathFacts>, 'own' | 'relay'])[] = [
  ['the own way is the rule', {}, 'own'],
  ['nothing was read yet, nothing failed', { ownEntryAtMs: -Infinity }, 'own'],
  ['the own way failed a moment ago', { ownFailedAtMs: 99_900 }, 'relay'],
  [
    'an isolated broker answers reads and takes no writes',
    { ownFailedAtMs: 95_000, ownEntryAtMs: 99_900 },
    'relay',
  ],
  [
    'the own way brings entries again for long enough',
    { ownFailedAtMs: 90_000, ownEntryAtMs: 99_900 },
    'own',
  ],
  [
    'the own way failed long ago and brings nothing',
    { ownFailedAtMs: 50_000, ownEntryAtMs: 50_000 },
    'relay',
  ],
  ['both failed, the own way first', { ownFailedAtMs: 98_000, relayFailedAtMs: 99_000 }, 'own'],
  ['both failed, the own way last', { ownFailedAtMs: 99_000, relayFailedAtMs: 98_000 }, 'relay'],
];

describe('the way of an append', () => {
  for (const [name, facts, expected] of rows) {
    it(`${expected}: ${name}`, () => {
      assert.equal(chooseAppendPath({ ...healthy, ...facts }), expected);
    });
  }

  it('is read around only after a silence', () => {
    assert.equal(isReadStalled({ nowMs: 5000, ownEntryAtMs: 5000 - readStallMs }), false);
    assert.equal(isReadStalled({ nowMs: 5001, ownEntryAtMs: 5000 - readStallMs }), true);
  });
});
