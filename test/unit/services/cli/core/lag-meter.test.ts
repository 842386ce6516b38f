import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLagMeter } from '../../../../../services/cli/core/lag-meter.ts';

test('from the reply to the first read that shows it, per region', () => {
  const meter = createLagMeter(['a', 'b']);
  meter.committed(1, 100);
  meter.seen('a', 0, 105);
  meter.seen('a', 1, 110);
  meter.seen('b', 1, 140);
  assert.deepEqual(meter.lagsMs(), [10, 40]);
});

test('a read that shows a later write shows the earlier ones too', () => {
  const meter = createLagMeter(['a']);
  meter.committed(1, 100);
  meter.committed(2, 150);
  meter.seen('a', 2, 160);
  assert.deepEqual(meter.lagsMs(), [60, 10]);
});

test('shown before it was answered: no lag', () => {
  const meter = createLagMeter(['a']);
  meter.seen('a', 7, 90);
  meter.committed(7, 100);
  assert.deepEqual(meter.lagsMs(), [0]);
});

test('a region that does not take part is ignored', () => {
  const meter = createLagMeter(['a']);
  meter.committed(1, 100);
  meter.seen('z', 1, 110);
  assert.deepEqual(meter.lagsMs(), []);
});
