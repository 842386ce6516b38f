import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  patienceMs,
  switchoverTarget,
} from '../../../../../services/failover/core/candidate-choice.ts';
import {
  ap,
  at,
  configOf,
  eu,
  inEpochOne,
  peerOf,
  primaryState,
  replicaState,
  us,
} from '../../../../helpers/controllers.ts';

const ahead = { position: at('1:0/20') };

const rows = [
  { name: 'the member furthest ahead', peers: [peerOf(us), peerOf(ap, ahead)], target: ap },
  { name: 'the first in priority among equals', peers: [peerOf(ap), peerOf(us)], target: us },
  {
    name: 'only live ones',
    peers: [peerOf(us, { ...ahead, ageMs: 6000 }), peerOf(ap)],
    target: ap,
  },
  { name: 'nobody when nobody is heard', peers: [], target: null },
];

describe('candidate choice', () => {
  for (const { name, peers, target } of rows) {
    it(`takes ${name}`, () => {
      assert.equal(switchoverTarget(primaryState({ peers })), target);
    });
  }

  it('takes members only', () => {
    const state = primaryState({ fold: inEpochOne([ap]) });
    assert.equal(switchoverTarget(state), ap);
  });

  it('lets the regions act one after the other', () => {
    const patience = [us, ap].map((region) =>
      patienceMs(replicaState({ config: configOf(region) })),
    );
    assert.deepEqual(patience, [0, 150]);
    assert.equal(patienceMs(primaryState({ config: configOf(eu) })), 0);
  });
});
