import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControlRecord } from '../../../../../shared/core/control/control-record.ts';
import {
  initialControlState,
  type ControlState,
} from '../../../../../shared/core/control/control-state.ts';
import { judgePrepare } from '../../../../../shared/core/control/control-promotion.ts';
import { formatPosition } from '../../../../../shared/core/position.ts';
import {
  ap,
  at,
  eu,
  foldAll,
  inEpochOne,
  policyOfThree,
  record,
  us,
} from '../../../../helpers/control-records.ts';

interface Row {
  readonly name: string;
  readonly from: ControlState;
  readonly records: readonly ControlRecord[];
  /** `to cut safe source`, with `quick` or `forced`; null: nothing is promoted. */
  readonly promotion: string | null;
}

const two = inEpochOne([us, ap]);
const twoOfTwo = inEpochOne([us, ap], { k: 2 });
const none = inEpochOne([]);
/** Epoch 2 in us-east at 1:0/20; eu-west may hold more of epoch 1. */
const second = foldAll(
  [record.prepare(2), ...[us, ap].map((region) => record.seal(2, region, { at: '1:0/20' }))],
  two,
).state;

const rows: readonly Row[] = [
  {
    name: 'K 1 of two members: both seal',
    from: two,
    records: [
      record.prepare(2),
      record.seal(2, us, { at: '1:0/20' }),
      record.seal(2, ap, { at: '1:0/30' }),
    ],
    promotion: 'ap-south 1:0/30 1:0/30 ap-south',
  },
  {
    name: 'one of two members is not enough for K 1',
    from: two,
    records: [record.prepare(2), record.seal(2, us, { at: '1:0/20' })],
    promotion: null,
  },
  {
    name: 'the old primary counts only with a final seal',
    from: two,
    records: [
      record.prepare(2),
      record.seal(2, us, { at: '1:0/20' }),
      record.seal(2, eu, { at: '1:0/40' }),
    ],
    promotion: null,
  },
  {
    name: 'one of two members is enough for K 2',
    from: twoOfTwo,
    records: [record.prepare(2), record.seal(2, us, { at: '1:0/20' })],
    promotion: 'us-east 1:0/20 1:0/20 us-east',
  },
  {
    name: 'Kf counts, not K',
    from: foldAll([record.degrade(1, 2, 1), record.degrade(1, 3, 2)], twoOfTwo).state,
    records: [record.prepare(2), record.seal(2, us, { at: '1:0/20' })],
    promotion: null,
  },
  {
    name: 'ties go to the first in priority',
    from: two,
    records: [
      record.prepare(2),
      record.seal(2, ap, { at: '1:0/20' }),
      record.seal(2, us, { at: '1:0/20' }),
    ],
    promotion: 'us-east 1:0/20 1:0/20 us-east',
  },
  {
    name: 'the seal of another store is not the member’s',
    from: two,
    records: [
      record.prepare(2),
      record.seal(2, us, { at: '1:0/20', store: 'other' }),
      record.seal(2, ap, { at: '1:0/30' }),
    ],
    promotion: null,
  },
  {
    name: 'a final seal of the old primary is enough, and safe is what it confirmed',
    from: two,
    records: [
      record.prepare(2),
      record.seal(2, eu, { at: '1:0/40', final: true, confirmed: at('1:0/30') }),
    ],
    promotion: 'eu-west 1:0/40 1:0/30 eu-west quick',
  },
  {
    name: 'a final seal that does not know makes everything safe that is in the cut',
    from: two,
    records: [record.prepare(2), record.seal(2, eu, { at: '1:0/40', final: true })],
    promotion: 'eu-west 1:0/40 1:0/40 eu-west quick',
  },
  {
    name: 'a preferred region is waited for',
    from: two,
    records: [
      record.prepare(2, { preferred: ap }),
      record.seal(2, eu, { at: '1:0/40', final: true }),
    ],
    promotion: null,
  },
  {
    name: 'a preferred region catches up from the source',
    from: two,
    records: [
      record.prepare(2, { preferred: ap }),
      record.seal(2, us, { at: '1:0/20' }),
      record.seal(2, ap, { at: '1:0/10' }),
    ],
    promotion: 'ap-south 1:0/20 1:0/20 us-east',
  },
  {
    name: 'a preferred region is dropped by an attempt without preference',
    from: two,
    records: [
      record.prepare(2, { preferred: eu }),
      record.seal(2, us, { at: '1:0/20' }),
      record.seal(2, ap, { at: '1:0/10' }),
      record.prepare(2, { attempt: 2 }),
    ],
    promotion: 'us-east 1:0/20 1:0/20 us-east',
  },
  {
    name: 'a switchover needs the final seal and the preferred region’s',
    from: two,
    records: [
      record.prepare(2, { change: 'switchover', preferred: us }),
      record.seal(2, eu, { at: '1:0/40', final: true, confirmed: at('1:0/40') }),
      record.seal(2, us, { at: '1:0/30' }),
    ],
    promotion: 'us-east 1:0/40 1:0/40 eu-west quick',
  },
  {
    name: 'member seals do not complete a switchover',
    from: two,
    records: [
      record.prepare(2, { change: 'switchover', preferred: us }),
      record.seal(2, us, { at: '1:0/30' }),
      record.seal(2, ap, { at: '1:0/30' }),
    ],
    promotion: null,
  },
  {
    name: 'an abandoned switchover gives the primary its role back',
    from: two,
    records: [
      record.prepare(2, { change: 'switchover', preferred: us }),
      record.seal(2, eu, { at: '1:0/40', final: true, confirmed: at('1:0/40') }),
      record.prepare(2, { attempt: 2, change: 'switchover', preferred: eu }),
    ],
    promotion: 'eu-west 1:0/40 1:0/40 eu-west quick',
  },
  {
    name: 'without members any region at safe may go on',
    from: none,
    records: [record.prepare(2), record.seal(2, ap, { at: '0:0/0' })],
    promotion: 'ap-south 0:0/0 0:0/0 ap-south',
  },
  {
    name: 'a seal below safe is not enough',
    from: second,
    records: [record.prepare(3), record.seal(3, ap, { at: '1:0/10' })],
    promotion: null,
  },
  {
    name: 'a diverged seal counts for nothing',
    from: second,
    records: [record.prepare(3), record.seal(3, eu, { at: '1:0/28' })],
    promotion: null,
  },
  {
    name: 'a diverged seal counts for nothing, forced or not',
    from: second,
    records: [
      record.prepare(3),
      record.seal(3, eu, { at: '1:0/28' }),
      record.prepare(3, {
        attempt: 2,
        preferred: eu,
        force: { acceptDataLoss: true, seals: [{ region: eu, position: at('1:0/28') }] },
      }),
    ],
    promotion: null,
  },
  {
    name: 'forced: the preferred region’s seal alone is the cut',
    from: two,
    records: [
      record.prepare(2),
      record.seal(2, us, { at: '1:0/20' }),
      record.prepare(2, {
        attempt: 2,
        preferred: us,
        force: { acceptDataLoss: true, seals: [{ region: us, position: at('1:0/20') }] },
      }),
    ],
    promotion: 'us-east 1:0/20 1:0/20 us-east forced',
  },
];

describe('promotion', () => {
  for (const row of rows) {
    it(row.name, () => {
      const { outcomes } = foldAll(row.records, row.from);
      const last = outcomes.at(-1);
      assert.notEqual(last?.kind, 'void');
      const promotion = last?.kind === 'promoted' ? last.promotion : null;
      const seen =
        promotion === null
          ? null
          : [
              promotion.to,
              formatPosition(promotion.cut),
              formatPosition(promotion.safe),
              promotion.source,
              ...(promotion.isQuick ? ['quick'] : []),
              ...(promotion.isForced ? ['forced'] : []),
            ].join(' ');
      assert.equal(seen, row.promotion);
    });
  }

  it('names what is missing', () => {
    const { state } = foldAll([record.prepare(2), record.seal(2, us)], two);
    assert.ok(state.prepare);
    const verdict = judgePrepare(state, state.prepare, policyOfThree);
    assert.ok(verdict.kind === 'waiting');
    assert.match(verdict.why, /1 more seal\(s\) of members are needed, of ap-south/);
  });

  it('starts the next epoch without members and with the policy’s K', () => {
    assert.deepEqual(
      [second.members, second.version, second.k, second.kLow, second.prepare],
      [[], 0, 1, 1, null],
    );
    assert.equal(initialControlState.history.length, 0);
  });
});
