import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import {
  isPrimarySilent,
  whyPrimaryIsGone,
} from '../../../../../../services/failover/core/detection/primary-silence.ts';
import type { RegionReport } from '../../../../../../shared/core/cluster-view.ts';
import {
  ap,
  epoch,
  eu,
  nowMs,
  peerOf,
  primaryState,
  replicaState,
} from '../../../../../helpers/controllers.ts';

/** us-east, whose last renewal and last report of eu-west are so old; the lease is 5 s. */
function silentFor(
  ms: { readonly renewal: number; readonly report: number },
  witness: Partial<RegionReport> & { readonly heardMsAgo?: number } = { isPrimarySilent: true },
): ControllerState {
  const { heardMsAgo = 0, ...report } = witness;
  return replicaState({
    read: { ...replicaState().read, leaseReadAtMs: nowMs - ms.renewal },
    peers: [
      { ...peerOf(ap, report), heardAtMs: nowMs - heardMsAgo },
      { ...peerOf(eu, { role: 'primary' }), heardAtMs: nowMs - ms.report },
    ],
  });
}

describe('silence of the primary', () => {
  it('is told when neither renewals nor reports have come for a while', () => {
    assert.equal(isPrimarySilent(silentFor({ renewal: 2501, report: 2501 })), true);
    assert.equal(isPrimarySilent(silentFor({ renewal: 2500, report: 9000 })), false);
    assert.equal(isPrimarySilent(silentFor({ renewal: 9000, report: 2500 })), false);
  });

  it('is nothing that the primary says of itself', () => {
    const { read } = silentFor({ renewal: 9000, report: 9000 });
    assert.equal(isPrimarySilent(primaryState({ read })), false);
    assert.equal(whyPrimaryIsGone(primaryState({ read })), null);
  });

  const gone = { renewal: 3600, report: 3700 };
  const rows: readonly (readonly [string, ControllerState, boolean])[] = [
    ['gone when the other region does not hear it either', silentFor(gone), true],
    [
      'not gone before seven tenths of the lease',
      silentFor({ renewal: 3500, report: 3600 }),
      false,
    ],
    ['not gone while it answers', silentFor({ renewal: 4900, report: 100 }), false],
    ['not gone while it renews', silentFor({ renewal: 100, report: 60_000 }), false],
    ['not gone when the other region hears it', silentFor(gone, {}), false],
    [
      'not gone on the word of a region in another epoch',
      silentFor(gone, { isPrimarySilent: true, epoch: epoch(2) }),
      false,
    ],
    [
      'not gone on an old word',
      silentFor(gone, { isPrimarySilent: true, heardMsAgo: 1501 }),
      false,
    ],
    [
      'not gone when this region itself has just been paused',
      { ...silentFor(gone), listeningSinceMs: nowMs - 3500 },
      false,
    ],
    ['not gone for a region that is alone', { ...silentFor(gone), peers: [] }, false],
  ];
  for (const [name, state, isGone] of rows) {
    it(`is ${name}`, () => assert.equal(whyPrimaryIsGone(state) !== null, isGone));
  }
});
