import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterSchema, controlStallMs } from '../../../../shared/config/cluster-schema.ts';

const policySchema = clusterSchema.shape.policy;

/** Paths and reasons of what is wrong with `policy`. */
function flawsOf(policy: Readonly<Record<string, number>>): readonly string[] {
  const parsed = policySchema.safeParse({ priority: ['eu-west'], ...policy });
  return (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`);
}

describe('the lease outlasts the worst stall of the control log', () => {
  it('as it is by default', () => {
    assert.deepEqual(flawsOf({}), []);
    const { leaseTtlMs, leaseMarginMs, renewIntervalMs } = policySchema.parse({
      priority: ['eu-west'],
    });
    assert.ok(leaseTtlMs - leaseMarginMs > controlStallMs + renewIntervalMs);
  });

  it('a shorter lease is refused, with what it must be above', () => {
    assert.deepEqual(flawsOf({ leaseTtlMs: 5000 }), [
      'leaseTtlMs must be above 5000: leaseMarginMs + renewIntervalMs + 4250 ms, ' +
        'for which the control log may keep a renewal waiting when a broker is lost',
    ]);
    assert.deepEqual(flawsOf({ leaseTtlMs: 5001 }), []);
  });

  it('so is one whose margin or renewals leave too little of it', () => {
    for (const policy of [{ leaseMarginMs: 1750 }, { renewIntervalMs: 2000 }]) {
      assert.match(flawsOf(policy).join(), /^leaseTtlMs must be above 6500: /);
    }
  });

  it('three renewals fit in it', () => {
    const policy = { leaseTtlMs: 9000, leaseMarginMs: 250 };
    assert.deepEqual(flawsOf({ ...policy, renewIntervalMs: 2916 }), []);
    assert.deepEqual(flawsOf({ ...policy, renewIntervalMs: 2917 }), [
      'renewIntervalMs must fit 3 times into leaseTtlMs - leaseMarginMs',
    ]);
  });
});
