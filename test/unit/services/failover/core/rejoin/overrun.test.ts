import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import { planNodes } from '../../../../../../services/failover/core/node-plan.ts';
import { viewOf } from '../../../../../../services/failover/core/published-view.ts';
import {
  explainOverrun,
  planOverrun,
  trackOverrun,
} from '../../../../../../services/failover/core/rejoin/overrun.ts';
import type { ReplicationReport } from '../../../../../../shared/core/replication-report.ts';
import {
  at,
  databaseOf,
  epoch,
  eu,
  followOf,
  lsn,
  nodeOf,
  peerOf,
  record,
  replicaState,
  replicationOf,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

const none = { data: 'none', process: 'stopped', mode: null } as const;
const overrun = { source: eu, begins: at('1:0/50') };

function behind(
  changes: Partial<ControllerState> = {},
  report: Partial<ReplicationReport> = {},
): ControllerState {
  const failed = { phase: 'failed', store: 'us-east-store', overrun, ...report } as const;
  return replicaState({ replication: replicationOf(followOf(1), failed), ...changes });
}

function planned(state: ControllerState): string[] {
  return planOverrun(state).map((one) => `${one.kind} ${'node' in one ? one.node : ''}`);
}

describe('a region whose source does not reach back to it', () => {
  it('keeps its data aside, its own node’s last', () => {
    assert.deepEqual(planned(behind()), ['setAside us-east/pg-2']);
    const second = [nodeOf('us-east/pg-1'), nodeOf('us-east/pg-2', none)];
    assert.deepEqual(planned(behind({ nodes: second })), ['setAside us-east/pg-1']);
    assert.deepEqual(planNodes(behind({ nodes: second })), [], 'the standby is not copied again');
  });

  const rows: readonly (readonly [string, ControllerState])[] = [
    ['as long as its source has what follows', behind({}, { overrun: null })],
    ['while the primary is not open', behind({ peers: [peerOf(eu, { role: 'promoting' })] })],
    ['while the primary is not heard of', behind({ peers: [] })],
    ['while a change of primary is prepared', withRecords(behind(), record.prepare(2))],
    [
      'when the refusal was in an epoch before',
      behind({ replication: replicationOf(followOf(0), { overrun }) }),
    ],
    [
      'when another region refused than the primary',
      behind({
        replication: replicationOf(followOf(1, us), { overrun }),
      }),
    ],
    ['before its controller has caught up', behind({ kind: 'greeting' })],
  ];
  for (const [name, state] of rows) {
    it(`keeps them as they are ${name}`, () => assert.deepEqual(planned(state), []));
  }

  it('begins again when a backup is older than every log', () => {
    const position = { epoch: epoch(1), endLsn: lsn(0x40n) };
    const seed = { kind: 'seed', source: eu, epoch: epoch(1), position: null } as const;
    const state = behind({
      role: 'joining',
      database: databaseOf(us, { progress: { position, store: '' } }),
      replication: replicationOf({ ...seed, recoveredTo: lsn(0x40n) }, { overrun }),
    });
    assert.deepEqual(planned(state), ['setAside us-east/pg-2']);
  });
});

describe('what is told of it', () => {
  const why = 'it is seeded anew: the log of eu-west begins at 1:0/50, it had come to 1:0/10';

  it('why, in the status and once in the log', () => {
    const state = trackOverrun(behind());
    const own = viewOf(state).reports.find(({ id }) => id === us);
    assert.deepEqual(own?.warnings, [why]);
    const [told] = explainOverrun(behind(), state);
    assert.deepEqual(told?.kind === 'explain' ? told.facts : null, { why });
    assert.deepEqual(explainOverrun(state, trackOverrun(state)), []);
  });

  it('until it follows again', () => {
    const seededAnew = trackOverrun(behind()).seededAnew;
    const seeding = trackOverrun(replicaState({ seededAnew, replication: null }));
    assert.equal(seeding.seededAnew, why);
    assert.equal(trackOverrun(replicaState({ seededAnew })).seededAnew, null);
  });

  it('with the alarms of replicator and disks', () => {
    const disk = { freeBytes: 1, totalBytes: 1024 * 1024 };
    const nodes = [nodeOf('us-east/pg-1', { disk })];
    const replication = replicationOf(followOf(1), { warnings: ['the data log is nearly full'] });
    const own = viewOf(replicaState({ nodes, replication })).reports.find(({ id }) => id === us);
    assert.equal(own?.warnings?.length, 2);
    assert.equal(own.warnings[0], 'the data log is nearly full');
  });
});
