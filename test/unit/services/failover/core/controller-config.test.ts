import assert from 'node:assert/strict';
import { it } from 'node:test';
import { defaultBounds } from '../../../../../services/failover/core/controller-config.ts';

it('abandons a switchover only after its drain had its time', () => {
  assert.ok(defaultBounds.drainMs * 2 < defaultBounds.switchoverMs);
});
