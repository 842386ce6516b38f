import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decideControlTrim } from '../../../../../services/failover/core/control-trim.ts';
import type { LogOffset } from '../../../../../shared/core/log-offset.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';
import { ap, eu, us } from '../../../../helpers/control-records.ts';

const offset = (value: number): LogOffset => BigInt(value) as LogOffset;
const stored = (...entries: readonly (readonly [RegionId, number])[]): Map<RegionId, LogOffset> =>
  new Map(entries.map(([region, value]) => [region, offset(value)]));
const four = 'eu-north' as RegionId;

const rows: readonly (readonly [
  string,
  readonly RegionId[],
  Map<RegionId, LogOffset>,
  number | null,
  number | null,
])[] = [
  ['what is old goes', [eu, us, ap], stored([eu, 90], [us, 80], [ap, 70]), 50, 50],
  ['what one has not stored stays', [eu, us, ap], stored([eu, 90], [us, 40], [ap, 70]), 50, 40],
  ['nothing is old', [eu, us, ap], stored([eu, 90], [us, 80], [ap, 70]), null, null],
  ['one region of three is away', [eu, us, ap], stored([eu, 90], [us, 60]), 80, 60],
  ['two regions of three are away', [eu, us, ap], stored([eu, 90]), 80, null],
  ['one region of two is away', [eu, us], stored([eu, 90]), 80, null],
  ['two regions of four are away', [eu, us, ap, four], stored([eu, 90], [us, 90]), 80, null],
  ['nobody is told of in the policy', [], stored(), 80, null],
];
for (const [name, regions, of, old, before] of rows) {
  test(name, () => {
    const oldBefore = old === null ? null : offset(old);
    const decision = decideControlTrim({ regions, stored: of, oldBefore });
    assert.equal(decision.kind === 'trim' ? decision.before : null, before && offset(before));
  });
}
