import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeMajority } from '../../../../../../services/failover/core/detection/majority.ts';
import type { RegionId } from '../../../../../../shared/core/region.ts';

const heard = (answers: string) =>
  [...answers].map((answer, index) => ({
    region: `region-${index + 1}` as RegionId,
    isAnswering: answer === 'y',
  }));
const none = 'the control log has no majority: no broker answers in';

for (const [name, answers, text] of [
  ['all answer', 'yyy', null],
  ['one of three is away', 'yyn', null],
  ['two of three are away', 'ynn', `${none} region-2, region-3; needed: 1 of them`],
  ['three of three are away', 'nnn', `${none} region-1, region-2, region-3; needed: 2 of them`],
  ['one of two is away', 'yn', `${none} region-2; needed: all of them`],
  ['three of five are away', 'yynnn', `${none} region-3, region-4, region-5; needed: 1 of them`],
] as const) {
  test(name, () => assert.equal(describeMajority(heard(answers)), text));
}
