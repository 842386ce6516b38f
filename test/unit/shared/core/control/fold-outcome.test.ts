import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initialControlState } from '../../../../../shared/core/control/control-state.ts';
import { applied, ignored } from '../../../../../shared/core/control/fold-outcome.ts';

test('a void record leaves the state as it was, and says why', () => {
  const state = initialControlState;
  assert.deepEqual(ignored(state, 'too late'), {
    state,
    outcome: { kind: 'void', why: 'too late' },
  });
  assert.deepEqual(applied(state), { state, outcome: { kind: 'applied' } });
});
