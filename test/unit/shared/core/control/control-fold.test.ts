import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControlRecord } from '../../../../../shared/core/control/control-record.ts';
import type { ControlState } from '../../../../../shared/core/control/control-state.ts';
import { initialControlState } from '../../../../../shared/core/control/control-state.ts';
import {
  ap,
  at,
  eu,
  foldAll,
  inEpochOne,
  record,
  us,
} from '../../../../helpers/control-records.ts';

interface Row {
  readonly name: string;
  readonly from: ControlState;
  readonly records: readonly ControlRecord[];
  /** Outcome kind of the last record; with words that its `why` contains. */
  readonly last: 'applied' | 'promoted' | 'void';
  readonly why?: RegExp;
  readonly check?: (state: ControlState) => void;
}

const twoMembers = inEpochOne([us, ap]);
const operation = { id: 'op-1', by: 'ann', reason: 'test', atMs: 1 };

const rows: readonly Row[] = [
  {
    name: 'the first policy sets K',
    from: initialControlState,
    records: [record.policy({ k: 2 })],
    last: 'applied',
    check: (state) => assert.deepEqual([state.k, state.kLow], [2, 2]),
  },
  {
    name: 'a policy is compare-and-set on its version',
    from: initialControlState,
    records: [record.policy(), record.policy()],
    last: 'void',
    why: /version 1/,
  },
  {
    name: 'a policy is void between prepare and promotion',
    from: twoMembers,
    records: [record.prepare(2), record.policy({ version: 2 })],
    last: 'void',
    why: /under way/,
  },
  {
    name: 'a policy may not drop a member',
    from: twoMembers,
    records: [record.policy({ version: 2, regions: [eu, us], priority: [eu, us] })],
    last: 'void',
    why: /ap-south/,
  },
  {
    name: 'a policy ranks every region once',
    from: initialControlState,
    records: [record.policy({ priority: [eu, us] })],
    last: 'void',
    why: /priority/,
  },
  {
    name: 'K of a policy waits for the next epoch',
    from: twoMembers,
    records: [record.policy({ version: 2, k: 2 })],
    last: 'applied',
    check: (state) => assert.deepEqual([state.k, state.policy?.k], [1, 2]),
  },
  {
    name: 'new rules are void while a region does not know them',
    from: initialControlState,
    records: [
      record.policy(),
      record.hello(eu, 2),
      record.hello(us, 2),
      record.hello(ap, 1),
      record.policy({ version: 2, rules: 2 }),
    ],
    last: 'void',
    why: /ap-south does not know rules 2/,
  },
  {
    name: 'new rules come into force when every latest hello knows them',
    from: initialControlState,
    records: [
      record.policy(),
      record.hello(ap, 1),
      ...[eu, us, ap].map((region) => record.hello(region, 2)),
      record.policy({ version: 2, rules: 2 }),
    ],
    last: 'applied',
  },
  {
    name: 'epoch 1 opens in the first region in priority only',
    from: initialControlState,
    records: [record.policy(), record.prepare(1, { preferred: us })],
    last: 'void',
    why: /first region/,
  },
  {
    name: 'epoch 1 opens by the seal of the preferred region',
    from: initialControlState,
    records: [record.policy(), record.prepare(1, { preferred: eu }), record.seal(1, eu)],
    last: 'promoted',
    check: (state) => {
      assert.deepEqual([state.epoch, state.primary, state.members], [1, eu, []]);
      assert.equal(state.history[0]?.store, 'eu-west-store');
      assert.match(state.history[0]?.why ?? '', /failover to eu-west at 0:0\/0/);
    },
  },
  {
    name: 'a renewal of the primary counts',
    from: twoMembers,
    records: [record.renew(1, eu)],
    last: 'applied',
  },
  {
    name: 'a renewal after a prepare is void',
    from: twoMembers,
    records: [record.prepare(2), record.renew(1, eu)],
    last: 'void',
    why: /prepare/,
  },
  { name: 'a renewal of another', from: twoMembers, records: [record.renew(1, us)], last: 'void' },
  { name: 'a renewal of old', from: twoMembers, records: [record.renew(0, eu)], last: 'void' },
  {
    name: 'a prepare that skips an epoch',
    from: twoMembers,
    records: [record.prepare(3)],
    last: 'void',
  },
  {
    name: 'a late attempt decides nothing',
    from: twoMembers,
    records: [record.prepare(2), record.prepare(2)],
    last: 'void',
    why: /older attempt/,
  },
  {
    name: 'an attempt replaces kind and preference and keeps the seals',
    from: twoMembers,
    records: [
      record.prepare(2, { change: 'switchover', preferred: us }),
      record.seal(2, ap, { at: '1:0/9' }),
      record.prepare(2, { attempt: 2, change: 'switchover', preferred: eu, operation }),
    ],
    last: 'applied',
    check: (state) => {
      assert.equal(state.prepare?.preferred, eu);
      assert.equal(state.prepare?.operation?.id, 'op-1');
      assert.equal(state.prepare?.seals.length, 1);
    },
  },
  {
    name: 'a first attempt cannot be forced',
    from: twoMembers,
    records: [record.prepare(2, { preferred: us, force: { acceptDataLoss: true, seals: [] } })],
    last: 'void',
    why: /first attempt/,
  },
  {
    name: 'a forced attempt is void when the seals have changed',
    from: twoMembers,
    records: [
      record.prepare(2),
      record.prepare(2, { attempt: 2, preferred: us }),
      record.seal(2, eu, { at: '1:0/9' }),
      record.prepare(2, {
        attempt: 3,
        preferred: us,
        force: { acceptDataLoss: true, seals: [{ region: eu, position: at('1:0/8') }] },
      }),
    ],
    last: 'void',
    why: /shown/,
  },
  {
    name: 'a second seal of a region is void',
    from: inEpochOne([us, ap], { k: 1 }),
    records: [record.prepare(2), record.seal(2, us), record.seal(2, us, { at: '1:0/9' })],
    last: 'void',
    why: /before/,
  },
  {
    name: 'a seal of a region outside the policy is void',
    from: twoMembers,
    records: [record.prepare(2), record.seal(2, 'mars' as typeof eu)],
    last: 'void',
  },
  {
    name: 'a seal without a prepare',
    from: twoMembers,
    records: [record.seal(2, us)],
    last: 'void',
  },
  {
    name: 'members are compare-and-set on their version',
    from: inEpochOne([us]),
    records: [record.member(1, ap, { version: 0 })],
    last: 'void',
    why: /older set/,
  },
  {
    name: 'members are frozen by a prepare',
    from: inEpochOne([us]),
    records: [record.prepare(2), record.member(1, ap, { version: 1 })],
    last: 'void',
    why: /frozen/,
  },
  {
    name: 'the members never fall below Kf',
    from: inEpochOne([us]),
    records: [record.member(1, us, { version: 1, action: 'remove' })],
    last: 'void',
    why: /too few/,
  },
  {
    name: 'a member whose store changed is removed before it is added',
    from: twoMembers,
    records: [record.member(1, us, { version: 2, store: 'other' })],
    last: 'void',
    why: /already/,
  },
  {
    name: 'a removed member is gone',
    from: twoMembers,
    records: [record.member(1, us, { version: 2, action: 'remove' })],
    last: 'applied',
    check: (state) => {
      assert.deepEqual(state.members, [{ region: ap, store: 'ap-south-store' }]);
      assert.equal(state.version, 3);
    },
  },
  {
    name: 'the primary is no member',
    from: twoMembers,
    records: [record.member(1, eu, { version: 2 })],
    last: 'void',
  },
  {
    name: 'Kf remembers the lowest K, never below 1',
    from: inEpochOne([us, ap], { k: 2 }),
    records: [record.degrade(1, 2, 0), record.degrade(1, 3, 2)],
    last: 'applied',
    check: (state) => assert.deepEqual([state.k, state.kLow, state.version], [2, 1, 4]),
  },
  {
    name: 'K may not exceed the policy',
    from: twoMembers,
    records: [record.degrade(1, 2, 2)],
    last: 'void',
  },
  {
    name: 'a pause is kept until the next',
    from: twoMembers,
    records: [{ kind: 'pause', durationMs: 60_000, operation: null }],
    last: 'applied',
    check: (state) => assert.equal(state.pause?.durationMs, 60_000),
  },
];

describe('control fold', () => {
  for (const row of rows) {
    it(row.name, () => {
      const { state, outcomes } = foldAll(row.records, row.from);
      const last = outcomes.at(-1);
      assert.equal(
        last?.kind,
        row.last,
        JSON.stringify(outcomes, (_, item: unknown) =>
          typeof item === 'bigint' ? String(item) : item,
        ),
      );
      if (row.why !== undefined && last?.kind === 'void') assert.match(last.why, row.why);
      row.check?.(state);
    });
  }
});
