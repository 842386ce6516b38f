import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../services/failover/core/controller-state.ts';
import {
  isLeaseLapsed,
  isLeaseOver,
  planLease,
  renewalObstacle,
  renewalSent,
  trackLease,
} from '../../../../../services/failover/core/lease-keeper.ts';
import { trackOpening } from '../../../../../services/failover/core/promotion-plan.ts';
import {
  ap,
  at,
  databaseOf,
  eu,
  followOf,
  leadOf,
  nowMs,
  primaryState,
  record,
  replicaState,
  replicationOf,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

const open = primaryState();
const lease = (changes: Partial<ControllerState['lease']>): ControllerState => ({
  ...open,
  lease: { ...open.lease, ...changes },
});

describe('renewing', () => {
  const rows = [
    { name: 'while everything is sound', state: open, why: null },
    { name: 'not in another region', state: replicaState(), why: /not primary/ },
    { name: 'not after a prepare', state: withRecords(open, record.prepare(2)), why: /primary/ },
    { name: 'not before it opened', state: { ...open, tenure: null }, why: /not open/ },
    { name: 'not without a database', state: { ...open, database: null }, why: /answer/ },
    {
      name: 'not on old facts',
      state: { ...open, databaseHeardAtMs: nowMs - 1001 },
      why: /answer/,
    },
    {
      name: 'on facts that are not quite new',
      state: { ...open, databaseHeardAtMs: nowMs - 1000 },
      why: null,
    },
    {
      name: 'not without its slot',
      state: { ...open, database: { ...databaseOf(eu), ...open.database, slots: [] } },
      why: /slot/,
    },
    {
      name: 'not while the replicator cannot log',
      state: { ...open, replication: replicationOf(leadOf(1), { phase: 'failed' }) },
      why: /opened|lead/,
    },
    {
      name: 'for a while when its log does not acknowledge',
      state: { ...open, replication: replicationOf(leadOf(1), { logWaitMs: 10_000 }) },
      why: null,
    },
    {
      name: 'trap 84: not when its log acknowledges no more',
      state: { ...open, replication: replicationOf(leadOf(1), { logWaitMs: 10_001 }) },
      why: /log does not acknowledge/,
    },
    {
      name: 'trap 85: not when the node stays closed',
      state: lease({ closedSinceMs: nowMs - 5001 }),
      why: /closed/,
    },
  ];
  for (const { name, state, why } of rows) {
    it(name, () => {
      const obstacle = renewalObstacle(state);
      if (why === null) assert.equal(obstacle, null);
      else assert.match(obstacle ?? '', why);
    });
  }

  it('goes out once in an interval, numbered', () => {
    assert.deepEqual(planLease(open), []);
    const due = lease({ lastSentMs: nowMs - 500 });
    const [effect] = planLease(due);
    assert.ok(effect?.kind === 'appendControl' && effect.record.kind === 'renew');
    assert.equal(effect.record.seq, 8);
    const sent = renewalSent(due, 8);
    assert.deepEqual(sent.lease.sent, [{ seq: 8, sentAtMs: nowMs }]);
    assert.deepEqual(planLease(sent), []);
  });
});

describe('the first renewal of an epoch', () => {
  const slow = withRecords(
    replicaState(),
    record.prepare(2),
    ...[us, ap].map((region) => record.seal(2, region, { at: '1:0/10' })),
  );
  const leaseEndMs = slow.read.oldLeaseReadAtMs + 5250;
  /** us-east, chosen for epoch 2 in this run, so long before the old lease is over. */
  const chosen = (leftMs: number, changes: Partial<ControllerState> = {}): ControllerState => {
    const now = leaseEndMs - leftMs;
    const read = { ...slow.read, promotedAtMs: now, isPromotionSeen: true };
    return trackOpening({ ...slow, nowMs: now, databaseHeardAtMs: now, read, ...changes });
  };
  const sent = (state: ControllerState): number => planLease(state).length;

  it('travels while the region opens, and once', () => {
    assert.equal(sent(chosen(600)), 0);
    assert.equal(sent(chosen(400)), 1);
    assert.equal(sent(renewalSent(chosen(400), 1)), 0);
  });

  it('is not sent by a controller that was started since the promotion', () => {
    const { read } = chosen(400);
    assert.equal(sent(chosen(400, { read: { ...read, isPromotionSeen: false } })), 0);
  });

  it('is not sent before the region has everything up to the cut', () => {
    const behind = replicationOf(followOf(1), { store: 'us-east-store', applied: at('1:0/8') });
    assert.equal(sent(chosen(400, { replication: behind })), 0);
  });

  it('is not sent by a region whose database does not answer', () => {
    assert.equal(sent(chosen(400, { database: null })), 0);
  });
});

describe('the end of a lease', () => {
  it('lapses at its end', () => {
    assert.equal(isLeaseLapsed(open), false);
    assert.equal(isLeaseLapsed(lease({ validUntilMs: nowMs })), true);
  });

  it('lapses when no renewal followed the opening', () => {
    assert.equal(isLeaseLapsed(lease({ validUntilMs: null })), true);
  });

  it('notes since when the node is closed under a valid lease', () => {
    const database = databaseOf(eu);
    const closed = trackLease({ ...open, database });
    assert.equal(closed.lease.closedSinceMs, nowMs);
    assert.equal(trackLease({ ...closed, database: open.database }).lease.closedSinceMs, null);
  });

  it('the old lease is over at once after a final seal, else after TTL and margin', () => {
    const quick = withRecords(
      open,
      record.prepare(2),
      record.seal(2, eu, { at: '1:0/10', final: true }),
    );
    assert.equal(isLeaseOver(quick), true);
    const slow = withRecords(
      open,
      record.prepare(2),
      record.seal(2, us, { at: '1:0/10' }),
      record.seal(2, ap, { at: '1:0/10' }),
    );
    assert.equal(isLeaseOver(slow), false);
    assert.equal(isLeaseOver({ ...slow, nowMs: nowMs + 5249 }), false);
    assert.equal(isLeaseOver({ ...slow, nowMs: nowMs + 5250 }), true);
    assert.deepEqual(at('1:0/10'), slow.fold.history.at(-1)?.cut);
  });
});
