import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { groupSchema } from '../../../../../services/gateway/group-config.ts';
import { UpstreamInstance } from '../../../../../services/gateway/io/upstream-instance.ts';

const config = groupSchema.parse({ slowStartMs: 10_000 });
const target = { url: 'http://192.0.2.1:80', weight: 4, zone: null, capabilities: [] };
const made: UpstreamInstance[] = [];

/** An instance that joined at `sinceMs`. */
function instanceOf(sinceMs: number): UpstreamInstance {
  const group = { name: 'shop', config };
  const instance = new UpstreamInstance(
    { ...target, isDraining: false, host: null },
    group,
    sinceMs,
  );
  made.push(instance);
  return instance;
}

function weightAt(instance: UpstreamInstance, nowMs: number): number {
  instance.nowMs = nowMs;
  return instance.weight;
}

after(async () => {
  for (const { client } of made) await client.destroy();
});

test('an instance that was there from the start has its whole weight at once', () => {
  assert.equal(weightAt(instanceOf(-Infinity), 0), 4);
});

test('one that joins starts with a tenth and grows for ten seconds', () => {
  const instance = instanceOf(0);
  const weights = [0, 500, 2500, 5000, 10_000].map((ms) => weightAt(instance, ms));
  assert.deepEqual(weights, [0.4, 0.4, 1, 2, 4]);
});

test('one that comes back after failed checks starts slowly again', () => {
  const instance = instanceOf(-Infinity);
  for (let i = 0; i < 3; i += 1) instance.recordCheck(false, 1000);
  assert.equal(instance.isUp, false);
  instance.recordCheck(true, 2000);
  assert.equal(instance.isUp, false, 'one good check is not enough');
  instance.recordCheck(true, 3000);
  assert.equal(instance.isUp, true);
  assert.equal(weightAt(instance, 5500), 1);
});

test('one that was ejected starts slowly when its time is over', () => {
  const instance = instanceOf(-Infinity);
  instance.eject(0);
  instance.nowMs = 4999;
  assert.equal(instance.isEjected, true);
  assert.equal(weightAt(instance, 5000 + 2500), 1);
  assert.equal(instance.isEjected, false);
});
