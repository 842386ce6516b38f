import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compactHeap } from '../../../../shared/runtime/compact-heap.ts';

test('the heap of a process that has thrown much away becomes smaller', () => {
  let kept: object[] | null = Array.from({ length: 500_000 }, (_, id) => ({ id }));
  assert.equal(kept.length, 500_000);
  const before = process.memoryUsage().heapTotal;
  kept = null;
  compactHeap();
  assert.ok(process.memoryUsage().heapTotal < before - 5_000_000);
});

test('nobody else is given the collector', () => {
  compactHeap();
  assert.equal('gc' in globalThis, false);
});
