import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { createLineLog } from '../../../../shared/logging/line-log.ts';

test('it is on where somebody reads such lines, and opens its destination then', () => {
  assert.equal(createLineLog(pino({ level: 'info' })).isOn, true);
  assert.equal(createLineLog(pino({ level: 'warn' })).isOn, false);
});
