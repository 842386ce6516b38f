import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  initialNodeHealth,
  slowStartShare,
  stepNodeHealth,
  type HealthInput,
} from '../../../../../services/router/core/node-health.ts';

const rules = { unhealthyAfter: 3, healthyAfter: 2, slowStartMs: 1000 };
const ok: HealthInput = { kind: 'answered', nowMs: 10 };
const bad: HealthInput = { kind: 'failed', nowMs: 20, why: 'refused' };
const out: HealthInput = { kind: 'ruledOut', nowMs: 30, why: 'read-only' };

const rows: [string, HealthInput[], string][] = [
  ['never checked', [], 'unknown'],
  ['the first answer admits', [ok], 'healthy'],
  ['two failures do not eject', [ok, bad, bad], 'healthy'],
  ['three do', [ok, bad, bad, bad], 'unhealthy'],
  ['failures must be consecutive', [ok, bad, bad, ok, bad, bad], 'healthy'],
  ['one success does not admit again', [ok, bad, bad, bad, ok], 'unhealthy'],
  ['two do', [ok, bad, bad, bad, ok, ok], 'healthy'],
  ['certain knowledge ejects at once', [ok, out], 'unhealthy'],
  ['a node that never answered stays unknown', [bad, bad, bad, bad], 'unknown'],
];

for (const [name, inputs, kind] of rows) {
  test(name, () => {
    const health = inputs.reduce(
      (at, input) => stepNodeHealth(at, input, rules),
      initialNodeHealth,
    );
    assert.equal(health.kind, kind);
  });
}

test('a node that came back starts slowly, a new one does not', () => {
  const fresh = stepNodeHealth(initialNodeHealth, ok, rules);
  assert.equal(slowStartShare(fresh, 10, rules), 1);
  const back = [ok, bad, bad, bad, ok, ok].reduce(
    (at, input) => stepNodeHealth(at, input, rules),
    initialNodeHealth,
  );
  assert.equal(slowStartShare(back, 10, rules), 0.1);
  assert.equal(slowStartShare(back, 510, rules), 0.5);
  assert.equal(slowStartShare(back, 5000, rules), 1);
});
