/**
 * Two versions of the program fold one control log: this one, which knows rules 1, and a newer one
 * with rules 2. They agree on every record until a policy brings rules 2 into force; there the
 * older one stops. When that is, is told by a naive model.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ControllerState } from '../../../../../services/failover/core/controller-state.ts';
import { readRecord } from '../../../../../services/failover/core/turn/reading.ts';
import { foldControl, type Folded } from '../../../../../shared/core/control/control-fold.ts';
import type { ControlRecord } from '../../../../../shared/core/control/control-record.ts';
import {
  initialControlState,
  type ControlState,
} from '../../../../../shared/core/control/control-state.ts';
import { replicaState } from '../../../../helpers/controllers.ts';
import { ap, eu, policyOfThree, record, us } from '../../../../helpers/control-records.ts';
import { plausibleHistory } from '../../../../helpers/core-arbitraries.ts';

/** Rules 2 of this test forget what a hello said. */
function newerFold(state: ControlState, next: ControlRecord): Folded {
  const folded = foldControl(state, next);
  if (state.policy === null || state.policy.rules < 2) return folded;
  return { ...folded, state: { ...folded.state, hellos: [] } };
}

const regions = [eu, us, ap];
const hello = fc
  .record({ region: fc.constantFrom(...regions), rules: fc.constantFrom(1, 2, 2, 2) })
  .map(({ region, rules }) => record.hello(region, rules));
const policy = fc
  .record({ version: fc.constantFrom(2, 2, 2, 3), rules: fc.constantFrom(1, 2, 2) })
  .map((changes) => record.policy(changes));
const others = [
  record.renew(1, eu),
  record.degrade(1, 1, 0),
  record.member(1, us),
  record.member(1, ap, { version: 1 }),
];
const upgrade = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: hello },
    { weight: 3, arbitrary: policy },
    fc.constantFrom(...others),
  ),
  { minLength: 5, maxLength: 40 },
);
const opening = [record.policy(), record.prepare(1, { preferred: eu }), record.seal(1, eu)];

function readAll(records: readonly ControlRecord[]): { older: ControllerState; stoppedAt: number } {
  let older: ControllerState = { ...replicaState(), fold: initialControlState };
  for (const [index, one] of records.entries()) {
    older = readRecord(older, { offset: older.nextOffset, record: one }, foldControl);
    if (older.kind === 'halted') return { older, stoppedAt: index };
  }
  return { older, stoppedAt: records.length };
}

/** Where rules 2 come into force: every region's latest hello knows them, the version follows. */
function naiveChange(records: readonly ControlRecord[]): number {
  const known = new Map<string, number>();
  let version = 0;
  for (const [index, one] of records.entries()) {
    if (one.kind === 'hello') known.set(one.region, one.maxRules);
    if (one.kind !== 'policy' || one.policy.version !== version + 1) continue;
    const isKnown = regions.every((region) => (known.get(region) ?? 0) >= one.policy.rules);
    if (one.policy.rules > 1 && isKnown) return index;
    if (one.policy.rules === 1) version += 1;
  }
  return records.length;
}

function foldNewer(records: readonly ControlRecord[]): ControlState {
  return records.reduce((state, one) => newerFold(state, one).state, initialControlState);
}

let changes = 0;

test('the folds of two versions agree until the policy record that raises the rules', () => {
  fc.assert(
    fc.property(upgrade, (made) => {
      const records = [...opening, ...made];
      const { older, stoppedAt } = readAll(records);
      assert.equal(stoppedAt, naiveChange(records));
      assert.deepEqual(older.fold, foldNewer(records.slice(0, stoppedAt)));
      if (stoppedAt < records.length) {
        changes += 1;
        assert.equal(foldNewer(records.slice(0, stoppedAt + 1)).policy?.rules, 2);
      }
    }),
    { numRuns: 500 },
  );
  assert.ok(changes > 20, `only ${changes} of the histories raised the rules`);
});

test('in whole histories of a cluster no version stops while the rules stay', () => {
  fc.assert(
    fc.property(plausibleHistory, (records) => {
      const plain = records.map((one) =>
        one.kind === 'policy' ? record.policy({ ...one.policy, rules: policyOfThree.rules }) : one,
      );
      const { older, stoppedAt } = readAll(plain);
      assert.equal(stoppedAt, plain.length);
      assert.deepEqual(older.fold, foldNewer(plain));
    }),
    { numRuns: 200 },
  );
});
