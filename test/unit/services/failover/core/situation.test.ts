import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  hasLease,
  isNodeOpen,
  isOpener,
  isPeerLive,
  openingObstacle,
  owesTail,
  ownDatabase,
  ownPosition,
  regionNode,
} from '../../../../../services/failover/core/situation.ts';
import {
  ap,
  at,
  databaseOf,
  epoch,
  eu,
  lsn,
  nodeOf,
  nowMs,
  peerOf,
  primaryState,
  record,
  replicaState,
  replicationOf,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

describe('situation', () => {
  it('the region’s node is the one in mode normal', () => {
    const nodes = [
      nodeOf('us-east/pg-1', { mode: 'standby' }),
      nodeOf('us-east/pg-2', { mode: 'normal' }),
    ];
    assert.equal(regionNode(replicaState({ nodes })), 'us-east/pg-2');
    assert.equal(regionNode(replicaState({ nodes: [] })), 'us-east/pg-1');
  });

  it('a database in recovery or of another region is not the own', () => {
    assert.equal(ownDatabase(replicaState({ database: databaseOf(eu) })), null);
    const recovering = databaseOf(us, { isInRecovery: true });
    assert.equal(ownDatabase(replicaState({ database: recovering })), null);
  });

  it('a node is open for this epoch and this very start only', () => {
    const state = primaryState();
    const { database } = state;
    assert.ok(database !== null && isNodeOpen(state));
    const other = { ...database, checkpointerStart: 'checkpointer 2' };
    assert.ok(!isNodeOpen({ ...state, database: other }));
    const sealed = { ...database, fence: { ...database.fence, sealedEpoch: 2 } };
    assert.ok(!isNodeOpen({ ...state, database: sealed }));
  });

  it('only the very node that opened the epoch is its opener', () => {
    const state = primaryState();
    const { database } = state;
    assert.ok(database !== null && isOpener(state));
    const promoted = { ...state, database: { ...database, timeline: 2 } };
    assert.ok(!isOpener(promoted));
    assert.match(openingObstacle(promoted) ?? '', /promoted standby/);
    const slotless = { ...state, database: { ...database, slots: [] } };
    assert.match(openingObstacle(slotless) ?? '', /slot meridian_1 is lost/);
  });

  it('an old primary owes its tail until it is judged', () => {
    const state = withRecords(
      primaryState(),
      record.prepare(2),
      ...[us, ap].map((region) => record.seal(2, region, { at: '1:0/10' })),
    );
    assert.ok(owesTail(state));
    assert.ok(!owesTail(primaryState()));
    const idle = replicationOf({ kind: 'idle', why: '' });
    assert.equal(ownPosition({ ...state, replication: idle }), null);
  });

  it('an opener’s position is the end of its log', () => {
    const directive = {
      kind: 'complete',
      epoch: epoch(1),
      sealEpoch: epoch(2),
      isOpener: true,
      walEnd: lsn(1n),
    } as const;
    const replication = replicationOf(directive, { phase: 'done', logEnd: at('1:0/30') });
    assert.deepEqual(ownPosition(primaryState({ replication })), at('1:0/30'));
  });

  it('a lease ends at its time', () => {
    assert.ok(hasLease(primaryState({ nowMs: nowMs + 3999 })));
    assert.ok(!hasLease(primaryState({ nowMs: nowMs + 4000 })));
  });

  it('a peer is live while its report is young', () => {
    const state = replicaState({ peers: [peerOf(ap)] });
    assert.ok(isPeerLive(state, ap));
    assert.ok(!isPeerLive({ ...state, nowMs: nowMs + 5001 }, ap));
    assert.ok(!isPeerLive(state, eu));
  });
});
