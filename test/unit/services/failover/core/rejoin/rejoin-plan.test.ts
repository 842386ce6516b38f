import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import {
  judgeTail,
  planRejoin,
  trackTail,
} from '../../../../../../services/failover/core/rejoin/rejoin-plan.ts';
import {
  ap,
  at,
  databaseOf,
  epoch,
  eu,
  lsn,
  nowMs,
  peerOf,
  primaryState,
  record,
  replicaState,
  replicationOf,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';
import type { ReplicationReport } from '../../../../../../shared/core/replication-report.ts';

const complete = {
  kind: 'complete',
  epoch: epoch(1),
  sealEpoch: epoch(2),
  isOpener: true,
  walEnd: lsn(0x100n),
} as const;

/** eu-west opened epoch 1; epoch 2 began in us-east at 1:0/10. */
function oldPrimary(
  report: Partial<ReplicationReport>,
  changes: Partial<ControllerState> = {},
): ControllerState {
  const state = withRecords(
    primaryState(),
    record.prepare(2),
    ...[us, ap].map((region) => record.seal(2, region, { at: '1:0/10' })),
  );
  return trackTail({
    ...state,
    role: 'rejoining',
    database: databaseOf(eu, {
      progress: { position: at('1:0/0'), store: 'eu-west-store' },
      slots: [{ name: 'meridian_1', isSound: true, isActive: true }],
      fence: { lastOpenedEpoch: 1, lastOpenedTimeline: 1 },
    }),
    replication: replicationOf(complete, { phase: 'done', ...report }),
    peers: [peerOf(us, { role: 'primary', epoch: epoch(2) })],
    ...changes,
  });
}

const rows = [
  { name: 'empty at the cut', state: oldPrimary({ logEnd: at('1:0/10') }), verdict: 'empty' },
  { name: 'diverged beyond it', state: oldPrimary({ logEnd: at('1:0/11') }), verdict: 'diverged' },
  {
    name: 'unknown while the log does not answer yet',
    state: oldPrimary({ phase: 'failed' }, { replicationFailedAtMs: nowMs - 119_999 }),
    verdict: 'unknown',
  },
  {
    name: 'diverged when not listable for long',
    state: oldPrimary({ phase: 'failed' }, { replicationFailedAtMs: nowMs - 120_000 }),
    verdict: 'diverged',
  },
  { name: 'unknown before the end', state: oldPrimary({ phase: 'running' }), verdict: 'unknown' },
  {
    name: 'diverged without the slot that would yield it',
    state: oldPrimary(
      { logEnd: at('1:0/10') },
      { database: databaseOf(eu, { fence: { lastOpenedEpoch: 1, lastOpenedTimeline: 1 } }) },
    ),
    verdict: 'diverged',
  },
  {
    name: 'diverged when its log is lost',
    state: oldPrimary({ logEnd: at('1:0/10'), store: 'another' }),
    verdict: 'diverged',
  },
  {
    name: 'unknown for another WAL end',
    state: oldPrimary({ directive: { ...complete, walEnd: lsn(1n) } }),
    verdict: 'unknown',
  },
  { name: 'empty for a replica within the cuts', state: replicaState(), verdict: 'empty' },
  {
    name: 'diverged for a replica beyond a cut',
    state: withRecords(
      replicaState({ config: { ...replicaState().config, region: ap }, database: databaseOf(ap) }),
      record.prepare(2),
      record.seal(2, eu, { at: '1:0/8', final: true }),
    ),
    verdict: 'diverged',
  },
] as const;

describe('rejoining', () => {
  for (const { name, state, verdict } of rows) {
    it(`a tail is ${name}`, () => {
      assert.equal(judgeTail(state).kind, verdict);
    });
  }

  it('an empty tail sets the progress row', () => {
    const [effect] = planRejoin(oldPrimary({ logEnd: at('1:0/10') }));
    assert.ok(effect?.kind === 'setProgress');
    assert.deepEqual(effect.position, at('1:0/10'));
  });

  it('a promoted node goes on from where its timeline begins', () => {
    const database = databaseOf(eu, {
      timeline: 2,
      timelineStart: lsn(0xcn),
      slots: [{ name: 'meridian_1', isSound: true, isActive: true }],
      fence: { lastOpenedEpoch: 1, lastOpenedTimeline: 1 },
    });
    const directive = { ...complete, walEnd: lsn(0xcn) };
    const state = oldPrimary({ logEnd: at('1:0/10'), directive }, { database });
    const [effect] = planRejoin(state);
    assert.ok(effect?.kind === 'setProgress');
    assert.deepEqual(effect.position, at('1:0/C'));
  });

  it('the WAL end is fixed once nobody can write', () => {
    const tail = oldPrimary({}).tail;
    assert.deepEqual(tail, { ownEpoch: 1, serverStart: 'start 1', walEnd: 0x100n });
    const open = databaseOf(eu, {
      applicationSessions: 1,
      fence: { lastOpenedEpoch: 1, lastOpenedTimeline: 1 },
    });
    assert.equal(trackTail({ ...oldPrimary({}), tail: null, database: open }).tail, null);
  });
});
