import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  memberChangesBetween,
  type MemberChange,
} from '../../../../../../services/failover/core/members/explain-members.ts';
import type { Epoch } from '../../../../../../shared/core/epoch.ts';
import { ap, inEpochOne, us } from '../../../../../helpers/controllers.ts';

const shown = ({ what, region }: MemberChange): string => `${what} ${region ?? ''}`.trim();
const told = (...[before, after]: Parameters<typeof memberChangesBetween>): string[] =>
  memberChangesBetween(before, after).map(shown);

it('a member that comes, one that goes, K down and up', () => {
  const [one, both] = [inEpochOne([us]), inEpochOne([us, ap])];
  assert.deepEqual(told(one, both), [`member added ${ap}`]);
  assert.deepEqual(told(both, one), [`member removed ${ap}`]);
  assert.deepEqual(told(one, { ...one, k: 0 }), ['degraded']);
  assert.deepEqual(told({ ...one, k: 0 }, one), ['restored']);
});

it('the same again, or a new epoch, is no change', () => {
  const both = inEpochOne([us, ap]);
  assert.deepEqual(told(both, both), []);
  assert.deepEqual(told(both, { ...both, epoch: 2 as Epoch, members: [] }), []);
});
