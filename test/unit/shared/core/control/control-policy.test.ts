import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControlRecord } from '../../../../../shared/core/control/control-record.ts';
import type { ControlState } from '../../../../../shared/core/control/control-state.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';
import { ap, eu, foldAll, inEpochOne, record, us } from '../../../../helpers/control-records.ts';

interface Row {
  readonly name: string;
  readonly from: ControlState;
  readonly records: readonly ControlRecord[];
  /** Outcome of the last record; with words that its `why` contains. */
  readonly last: 'applied' | 'void';
  readonly why?: RegExp;
  readonly check?: (state: ControlState) => void;
}

const twoMembers = inEpochOne([us, ap]);
const operation = { id: 'op-1', by: 'ann', reason: 'test', atMs: 1 };
const ca = 'ca-central' as RegionId;
const all = [eu, us, ap, ca];
const regionRecord = (action: 'add' | 'remove', region: RegionId, version = 2): ControlRecord => ({
  kind: 'region',
  version,
  action,
  region,
  operation,
});

const rows: readonly Row[] = [
  {
    name: 'a region comes into the policy and ranks last',
    from: twoMembers,
    records: [record.hello(ca), regionRecord('add', ca)],
    last: 'applied',
    check: ({ policy }) =>
      assert.deepEqual([policy?.version, policy?.regions, policy?.priority], [2, all, all]),
  },
  {
    name: 'a region is added only after its hello',
    from: twoMembers,
    records: [regionRecord('add', ca)],
    last: 'void',
    why: /rules 1/,
  },
  {
    name: 'a region is added once',
    from: twoMembers,
    records: [record.hello(ca), regionRecord('add', ca), regionRecord('add', ca)],
    last: 'void',
    why: /already/,
  },
  {
    name: 'a region is added or removed on the version that was seen only',
    from: twoMembers,
    records: [record.hello(ca), regionRecord('add', ca, 3)],
    last: 'void',
    why: /version 3/,
  },
  {
    name: 'a member is not removed from the policy',
    from: twoMembers,
    records: [regionRecord('remove', ap)],
    last: 'void',
    why: /member/,
  },
  {
    name: 'the primary is not removed from the policy',
    from: twoMembers,
    records: [regionRecord('remove', eu)],
    last: 'void',
    why: /primary/,
  },
  {
    name: 'no region is removed while a change of primary is under way',
    from: inEpochOne([us]),
    records: [record.prepare(2), regionRecord('remove', ap)],
    last: 'void',
    why: /under way/,
  },
  {
    name: 'a region that is removed loses its mark as drained and seals nothing',
    from: inEpochOne([us]),
    records: [
      { kind: 'traffic', region: ap, isAccepting: false, operation },
      regionRecord('remove', ap),
      record.prepare(2),
      record.seal(2, ap),
    ],
    last: 'void',
    why: /not a region of the policy/,
    check: ({ policy, drained }) => assert.deepEqual([policy?.regions, drained], [[eu, us], []]),
  },
];

describe('control policy', () => {
  for (const { name, from, records, last, why, check } of rows) {
    it(name, () => {
      const { state, outcomes } = foldAll(records, from);
      const outcome = outcomes.at(-1);
      assert.equal(outcome?.kind, last);
      if (why !== undefined && outcome?.kind === 'void') assert.match(outcome.why, why);
      check?.(state);
    });
  }
});
