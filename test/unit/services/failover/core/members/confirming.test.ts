import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import {
  decideK,
  trackConfirming,
} from '../../../../../../services/failover/core/members/confirming.ts';
import type { PeerStatus } from '../../../../../../shared/core/replication-report.ts';
import type { RegionId } from '../../../../../../shared/core/region.ts';
import { ap, at, inEpochOne, nowMs, primaryState, us } from '../../../../../helpers/controllers.ts';

const peer = (region: RegionId, changes: Partial<PeerStatus> = {}): PeerStatus => ({
  ...{ region, isConnected: true, store: `${region}-store`, applied: at('1:0/20') },
  ...{ heardAtMs: nowMs, ...changes },
});
const away = { isConnected: false };
const behind = { applied: at('1:0/10') };

interface Situation {
  readonly peers: readonly PeerStatus[];
  readonly logEnd?: string;
  readonly fold?: ControllerState['fold'];
  readonly degradeAfterMs?: number | null;
}

function stateOf({ peers, logEnd = '1:0/20', fold, degradeAfterMs = 5000 }: Situation) {
  const state = primaryState(fold === undefined ? {} : { fold });
  const { replication, config } = state;
  assert.ok(replication !== null);
  const report = { ...replication, peers, logEnd: at(logEnd) };
  return { ...state, config: { ...config, degradeAfterMs }, replication: report };
}

/** What is decided when nothing but time changes from `first` to `then`. */
function decided(first: Situation, then: Situation, passedMs: number): number | null {
  const before = trackConfirming(stateOf(first));
  const lease = { ...before.lease, validUntilMs: nowMs + 60_000 };
  const peers = then.peers.map((one) => ({ ...one, heardAtMs: nowMs + passedMs }));
  const after = {
    ...stateOf({ ...then, peers }),
    ...{ confirming: before.confirming, nowMs: nowMs + passedMs, lease },
  };
  return decideK(trackConfirming(after))?.record.k ?? null;
}

const onlyUs = inEpochOne([us]);
const well: Situation = { peers: [peer(us)], fold: onlyUs };
const gone: Situation = { peers: [peer(us, away)], fold: onlyUs };
const stuck: Situation = { peers: [peer(us, behind)], fold: onlyUs };
const lowered: ControllerState['fold'] = { ...onlyUs, k: 0 };

describe('what a semi-sync COMMIT waits for', () => {
  const rows: readonly [string, Situation, Situation, number, number | null][] = [
    ['all is well', well, well, 60_000, null],
    ['the only member is gone, not for long', well, gone, 4999, null],
    ['the only member is gone for too long', well, gone, 5000, 0],
    ['it is there and applies nothing', stuck, stuck, 5000, 0],
    ['it is behind and gets on', stuck, { ...well, logEnd: '1:0/30' }, 60_000, null],
    [
      'commits shall wait',
      { ...well, degradeAfterMs: null },
      { ...gone, degradeAfterMs: null },
      60_000,
      null,
    ],
    [
      'degraded, and nobody is back',
      { ...gone, fold: lowered },
      { ...gone, fold: lowered },
      60_000,
      null,
    ],
    [
      'degraded, and the member has caught up',
      { ...gone, fold: lowered },
      { ...well, fold: lowered },
      1,
      1,
    ],
    [
      'degraded, and the member is still behind',
      { ...stuck, fold: lowered },
      { ...stuck, fold: lowered },
      1,
      null,
    ],
  ];
  for (const [name, first, then, passedMs, k] of rows) {
    it(`${k === null ? 'stays' : `becomes ${k}`} when ${name}`, () => {
      assert.equal(decided(first, then, passedMs), k);
    });
  }

  it('a member that was being removed does not confirm', () => {
    const state = { ...stateOf(well), removing: { region: us, isSent: false } };
    assert.equal(trackConfirming(state).confirming?.held, null);
  });

  it('of two it goes down to the one that confirms', () => {
    const policy = onlyUs.policy === null ? null : { ...onlyUs.policy, k: 2 };
    const fold = { ...inEpochOne([us, ap]), policy, k: 2, kLow: 2 };
    const first = { peers: [peer(us), peer(ap)], fold };
    const then = {
      peers: [peer(us, { applied: at('1:0/30') }), peer(ap, away)],
      fold,
      logEnd: '1:0/30',
    };
    assert.equal(decided(first, then, 5000), 1);
  });
});
