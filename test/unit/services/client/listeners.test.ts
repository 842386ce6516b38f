import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Listeners } from '../../../../services/client/listeners.ts';

test('listeners hear their event until they are taken off', () => {
  const heard: unknown[] = [];
  const listener = (...values: unknown[]): void => void heard.push(values);
  const listeners = new Listeners().on('connect', listener);
  assert.equal(listeners.emit('connect', 1, 'a'), true);
  assert.equal(listeners.emit('error', 2), false);
  listeners.off('connect', listener);
  assert.equal(listeners.emit('connect', 3), false);
  assert.deepEqual(heard, [[1, 'a']]);
});

test('one that listens once hears once', () => {
  let heard = 0;
  const listeners = new Listeners().once('release', () => (heard += 1));
  listeners.emit('release');
  listeners.emit('release');
  assert.equal(heard, 1);
});
