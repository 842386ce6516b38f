import assert from 'node:assert/strict';
import { it } from 'node:test';
import { laneOf, lanes } from '../../../../../services/failover/core/controller-effect.ts';

it('every kind of effect has a known lane, and every lane has effects', () => {
  const used = new Set(Object.values(laneOf));
  assert.deepEqual([...used].toSorted(), [...lanes].toSorted());
});

it('what closes a node never waits behind what opens it', () => {
  assert.notEqual(laneOf.closeNode, laneOf.openNode);
  assert.notEqual(laneOf.sealNode, laneOf.probeCommit);
});
