import assert from 'node:assert/strict';
import { it } from 'node:test';
import { initialControllerState } from '../../../../../services/failover/core/controller-state.ts';
import { configOf, us } from '../../../../helpers/controllers.ts';

it('a controller starts without a lease, an epoch or a view', () => {
  const state = initialControllerState(configOf(us));
  assert.equal(state.kind, 'starting');
  assert.equal(state.lease.validUntilMs, null);
  assert.deepEqual([state.fold.epoch, state.view, state.running], [0, null, []]);
});
