import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideAdmission } from '../../../../../services/router/core/admission.ts';

const facts = { inFlight: 0, inFlightMax: 2, isDraining: false, latencyMs: 5 };
const rows: [string, Partial<typeof facts>, string, number | null][] = [
  ['below the limit', { inFlight: 1 }, 'admit', null],
  ['at the limit', { inFlight: 2 }, 'refuse', 100],
  ['at the limit, slow', { inFlight: 2, latencyMs: 400 }, 'refuse', 800],
  ['at the limit, very slow', { inFlight: 2, latencyMs: 60_000 }, 'refuse', 5000],
  ['draining', { isDraining: true }, 'refuse', 1000],
];

for (const [name, change, kind, retryAfterMs] of rows) {
  test(name, () => {
    const decision = decideAdmission({ ...facts, ...change });
    assert.equal(decision.kind, kind);
    if (decision.kind === 'refuse') assert.equal(decision.retryAfterMs, retryAfterMs);
  });
}
