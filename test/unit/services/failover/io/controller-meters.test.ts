import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewOf } from '../../../../../services/failover/core/published-view.ts';
import { meterController } from '../../../../../services/failover/io/controller-meters.ts';
import { createMetrics } from '../../../../../shared/metrics/metrics.ts';
import { nodeOf, replicaState } from '../../../../helpers/controllers.ts';

test('a disk that is nearly full is measured, and counted as a warning', async () => {
  const disk = { freeBytes: 5, totalBytes: 100 };
  const state = replicaState({
    nodes: [nodeOf('us-east/pg-1', { disk }), nodeOf('us-east/pg-2', { disk: null })],
  });
  const metrics = createMetrics();
  let changed = (): void => undefined;
  meterController(metrics, {
    state: () => ({ ...state, view: viewOf(state) }),
    onChange: (listener) => {
      changed = listener;
      return () => undefined;
    },
  });
  changed();
  const text = await metrics.registry.metrics();
  assert.match(text, /^meridian_node_disk_bytes\{node="us-east\/pg-1",of="free"\} 5$/m);
  assert.match(text, /^meridian_node_disk_bytes\{node="us-east\/pg-1",of="total"\} 100$/m);
  assert.doesNotMatch(text, /pg-2/);
  assert.match(text, /^meridian_warnings 1$/m);
});
