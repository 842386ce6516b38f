import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WanDirection } from '../../../../../services/local/wan/wan-direction.ts';

const pair = { from: 'a', to: 'b', latencyMs: 40 };

test('bytes arrive after the latency and what was added', () => {
  const direction = new WanDirection(pair);
  assert.equal(direction.arrivalMs(10, 1000), 1040);
  direction.change({ action: 'slow', addedMs: 200 });
  assert.equal(direction.arrivalMs(10, 1000), 1240);
  direction.change({ action: 'set', latencyMs: 1 });
  assert.equal(direction.arrivalMs(10, 1000), 1201);
});

test('a limited line is shared: the second waits for the first', () => {
  const direction = new WanDirection(pair);
  direction.change({ action: 'slow', bytesPerSecond: 1000 });
  assert.equal(direction.arrivalMs(500, 0), 540);
  assert.equal(direction.arrivalMs(500, 0), 1040);
  assert.equal(direction.report().bytes, 1000);
});

test('heal undoes everything', () => {
  const direction = new WanDirection(pair);
  direction.change({ action: 'set', latencyMs: 7 });
  direction.change({ action: 'slow', addedMs: 5, bytesPerSecond: 9 });
  direction.change({ action: 'cut' });
  assert.equal(direction.state, 'cut');
  direction.change({ action: 'heal' });
  const { state, latencyMs, addedMs, bytesPerSecond } = direction.report();
  assert.deepEqual([state, latencyMs, addedMs, bytesPerSecond], ['open', 40, 0, null]);
});

test('whoever listens hears each change, until it stops', () => {
  const direction = new WanDirection(pair);
  let changes = 0;
  const stop = direction.onChange(() => (changes += 1));
  direction.change({ action: 'freeze' });
  stop();
  direction.change({ action: 'heal' });
  assert.equal(changes, 1);
});
