import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import {
  countedMembers,
  decideMembers,
} from '../../../../../../services/failover/core/members/member-plan.ts';
import type {
  PeerStatus,
  ReplicationReport,
} from '../../../../../../shared/core/replication-report.ts';
import {
  ap,
  at,
  eu,
  inEpochOne,
  nowMs,
  primaryState,
  record,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';
import type { RegionId } from '../../../../../../shared/core/region.ts';

const peer = (region: RegionId, changes: Partial<PeerStatus> = {}): PeerStatus => ({
  region,
  isConnected: true,
  store: `${region}-store`,
  applied: at('1:0/10'),
  heardAtMs: nowMs,
  ...changes,
});

function withReport(
  report: Partial<ReplicationReport>,
  changes: Partial<ControllerState> = {},
): ControllerState {
  const state = primaryState(changes);
  const { replication } = state;
  return replication === null ? state : { ...state, replication: { ...replication, ...report } };
}

const silent = { heardAtMs: nowMs - 10_001 };
const removing = { region: ap, isSent: false };
const withoutAp = inEpochOne([us, ap]).members.filter((member) => member.region !== ap);

const rows = [
  { name: 'all is well', state: primaryState(), decision: 'keep' },
  {
    name: 'a region applied the start of the epoch',
    state: withReport({ peers: [peer(us), peer(ap)] }, { fold: inEpochOne([us]) }),
    decision: 'append',
  },
  {
    name: 'a region applied the start of the epoch before this one has opened',
    state: withReport({ peers: [peer(us), peer(ap)] }, { fold: inEpochOne([us]), tenure: null }),
    decision: 'append',
  },
  {
    name: 'nobody is removed before it has opened',
    state: withReport({ peers: [peer(us), peer(ap, silent)] }, { tenure: null }),
    decision: 'keep',
  },
  {
    name: 'a region is still in the epoch before',
    state: withReport(
      { peers: [peer(us), peer(ap, { applied: at('0:0/0') })] },
      { fold: inEpochOne([us]) },
    ),
    decision: 'keep',
  },
  {
    name: 'a member is silent',
    state: withReport({ peers: [peer(us), peer(ap, silent)] }),
    decision: 'startRemoving',
  },
  {
    name: 'a member has another log',
    state: withReport({ peers: [peer(us), peer(ap, { store: 'new' })] }),
    decision: 'startRemoving',
  },
  {
    name: 'the last Kf members stay, however silent',
    state: withReport({ peers: [peer(us, silent)] }, { fold: inEpochOne([us]) }),
    decision: 'keep',
  },
  {
    name: 'the one being removed still counts in the report',
    state: withReport({ peers: [peer(us), peer(ap, silent)] }, { removing }),
    decision: 'keep',
  },
  {
    name: 'the others hold everything confirmed',
    state: withReport(
      { peers: [peer(us), peer(ap, silent)], countedMembers: withoutAp },
      { removing },
    ),
    decision: 'append',
  },
  {
    name: 'the others lack what may be confirmed',
    state: withReport(
      {
        peers: [peer(us, { applied: at('1:0/8') }), peer(ap, silent)],
        countedMembers: withoutAp,
      },
      { removing },
    ),
    decision: 'keep',
  },
  {
    name: 'the others lack what was there at the restart',
    state: withReport(
      { peers: [peer(us), peer(ap, silent)], countedMembers: withoutAp },
      {
        removing,
        tenure: {
          epoch: primaryState().fold.epoch,
          serverStart: 'start 1',
          openedAtMs: nowMs - 20_000,
          isBroken: false,
          knowsConfirmed: false,
          bound: at('1:0/20'),
          strongReadsFrom: null,
          pauseMs: null,
        },
      },
    ),
    decision: 'keep',
  },
  {
    name: 'the one being removed is heard again',
    state: withReport({ countedMembers: withoutAp }, { removing }),
    decision: 'stopRemoving',
  },
  {
    name: 'it is heard again after the record was sent',
    state: withReport({ countedMembers: withoutAp }, { removing: { region: ap, isSent: true } }),
    decision: 'append',
  },
  {
    name: 'a prepare froze the members',
    state: withRecords(withReport({ peers: [peer(us), peer(ap, silent)] }), record.prepare(2)),
    decision: 'keep',
  },
];

describe('member plan', () => {
  for (const { name, state, decision } of rows) {
    it(`${decision} when ${name}`, () => {
      assert.equal(decideMembers(state).kind, decision);
    });
  }

  it('the one being removed does not count', () => {
    assert.deepEqual(countedMembers(primaryState({ removing })), withoutAp);
    assert.equal(primaryState().fold.primary, eu);
  });
});
