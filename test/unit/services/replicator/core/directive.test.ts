import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  changeOfDirective,
  epochNames,
  reportedLogEnd,
} from '../../../../../services/replicator/core/directive.ts';
import type { ReplicationDirective } from '../../../../../shared/core/cluster-view.ts';
import type { Epoch } from '../../../../../shared/core/epoch.ts';
import type { Lsn } from '../../../../../shared/core/lsn.ts';
import { zeroPosition } from '../../../../../shared/core/position.ts';
import type { RegionId } from '../../../../../shared/core/region.ts';

const e = (epoch: number): Epoch => epoch as Epoch;
const lead: ReplicationDirective = {
  kind: 'lead',
  epoch: e(2),
  cut: zeroPosition,
  timeline: 1,
  slot: 'meridian_2',
  publication: 'meridian_2',
  walsenderName: 'meridian_eu_west_2',
  isOpen: false,
};
const seal: ReplicationDirective = {
  kind: 'complete',
  epoch: e(2),
  sealEpoch: e(3),
  isOpener: true,
  walEnd: 64n as Lsn,
};
const follow: ReplicationDirective = { kind: 'follow', epoch: e(2), source: 'us-east' as RegionId };

const cases: readonly (readonly [
  string,
  ReplicationDirective | null,
  ReplicationDirective,
  string,
])[] = [
  ['the first directive begins', null, follow, 'replace'],
  ['the same work goes on', follow, { ...follow }, 'keep'],
  ['opening changes nothing for who leads', lead, { ...lead, isOpen: true }, 'keep'],
  ['who leads completes without a new session', lead, seal, 'complete-leading'],
  ['another epoch is another session', lead, { ...seal, epoch: e(1) }, 'replace'],
  ['a replica completes anew', lead, { ...seal, isOpener: false }, 'replace'],
  [
    'another source is other work',
    follow,
    { ...follow, source: 'ap-south' as RegionId },
    'replace',
  ],
  [
    'why a region is idle is no work',
    { kind: 'idle', why: 'a' },
    { kind: 'idle', why: 'b' },
    'keep',
  ],
];

for (const [name, current, next, expected] of cases) {
  test(name, () => assert.equal(changeOfDirective(current, next).kind, expected));
}

test('the tail of an opener is told as it is, for the controller to judge', () => {
  const last = { epoch: e(2), endLsn: 0x30n as Lsn };
  const history = [{ epoch: e(3), cut: { epoch: e(2), endLsn: 0x10n as Lsn } }];
  assert.deepEqual(reportedLogEnd(seal, last, history), last);
  for (const directive of [follow, { ...seal, isOpener: false }]) {
    assert.deepEqual(reportedLogEnd(directive, last, history), history[0]?.cut);
  }
});

test('an epoch names its slot, and the walsender by region and epoch', () => {
  assert.deepEqual(epochNames(e(2), 'eu-west' as RegionId), {
    epoch: 2,
    publication: 'meridian_2',
    slot: 'meridian_2',
    walsenderName: 'meridian_eu_west_2',
  });
});
