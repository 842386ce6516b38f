import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import { readRecord, startFold } from '../../../../../../services/failover/core/turn/reading.ts';
import { foldControl } from '../../../../../../shared/core/control/control-fold.ts';
import type { ControlRecord } from '../../../../../../shared/core/control/control-record.ts';
import type { LogOffset } from '../../../../../../shared/core/log-offset.ts';
import {
  ap,
  epoch,
  eu,
  inEpochOne,
  lsn,
  nowMs,
  primaryState,
  record,
  replicaState,
  us,
} from '../../../../../helpers/controllers.ts';

function read(from: ControllerState, ...records: readonly ControlRecord[]): ControllerState {
  return records.reduce<ControllerState>(
    (state, one) => readRecord(state, { offset: state.nextOffset, record: one }, foldControl),
    from,
  );
}

const sent = (state: ControllerState): ControllerState => ({
  ...state,
  lease: {
    ...state.lease,
    validUntilMs: null,
    sent: [
      { seq: 1, sentAtMs: nowMs - 900 },
      { seq: 2, sentAtMs: nowMs - 400 },
    ],
  },
});

describe('reading back the lease', () => {
  it('counts from before the renewal was sent', () => {
    const state = read(sent(primaryState()), record.renew(1, eu, 1));
    assert.equal(state.lease.validUntilMs, nowMs - 900 + 5000 - 250);
    assert.deepEqual(state.lease.sent, [{ seq: 2, sentAtMs: nowMs - 400 }]);
  });

  it('an older one does not shorten it', () => {
    const state = read(sent(primaryState()), record.renew(1, eu, 2), record.renew(1, eu, 1));
    assert.equal(state.lease.validUntilMs, nowMs - 400 + 5000 - 250);
  });

  it('a renewal of another incarnation or seq is not the own', () => {
    const other = { ...record.renew(1, eu, 1), incarnation: 'eu-west-0' } as ControlRecord;
    assert.equal(read(sent(primaryState()), other).lease.validUntilMs, null);
    assert.equal(read(sent(primaryState()), record.renew(1, eu, 9)).lease.validUntilMs, null);
  });

  it('a prepare ends it, and void renewals do not bring it back', () => {
    const state = read(sent(primaryState()), record.prepare(2), record.renew(1, eu, 2));
    assert.deepEqual([state.lease.validUntilMs, state.lease.sent], [null, []]);
  });

  it('others note when they read it', () => {
    const later = { ...replicaState(), nowMs: nowMs + 50 };
    assert.equal(read(later, record.renew(1, eu, 1)).read.leaseReadAtMs, nowMs + 50);
    assert.equal(read(later, record.renew(1, us, 1)).read.leaseReadAtMs, nowMs);
  });
});

describe('reading', () => {
  it('records that come again are left out', () => {
    const state = read(replicaState(), record.renew(1, eu, 1));
    const again = readRecord(
      { ...state, nowMs: nowMs + 50 },
      { offset: 0n as LogOffset, record: record.renew(1, eu, 1) },
      foldControl,
    );
    assert.equal(again.read.leaseReadAtMs, nowMs);
    assert.equal(again.nextOffset, 1n);
  });

  it('void records still move the offset', () => {
    assert.equal(read(replicaState(), record.prepare(9)).nextOffset, 1n);
  });

  it('the old lease is the one read before the first attempt', () => {
    const state = read({ ...replicaState(), nowMs: nowMs + 70 }, record.prepare(2));
    assert.equal(state.read.oldLeaseReadAtMs, nowMs);
    assert.equal(state.read.prepareReadAtMs, nowMs + 70);
  });

  it('a hello of this start makes it run', () => {
    const state = replicaState({ kind: 'greeting' });
    assert.equal(read(state, record.hello(ap)).kind, 'greeting');
    assert.equal(read(state, record.hello(us)).kind, 'running');
  });

  it('a promotion ends everything of the epoch before', () => {
    const seal = { epoch: epoch(2), drainingSinceMs: null, walEnd: lsn(5n), ownEpoch: epoch(1) };
    const state = read(
      primaryState({ seal }),
      record.prepare(2),
      ...[us, ap].map((region) => record.seal(2, region, { at: '1:0/10' })),
    );
    assert.deepEqual([state.tenure, state.opening, state.seal], [null, null, null]);
    assert.equal(state.tail?.walEnd, 5n);
    assert.equal(state.steps.at(-1)?.step, 'promoted');
    assert.deepEqual([state.read.isPromotionSeen, state.read.failovers], [true, [nowMs]]);
  });

  it('a failover that a starting controller reads, or finds, counts as read then', () => {
    const seals = [us, ap].map((region) => record.seal(2, region, { at: '1:0/10' }));
    const greeting = read(replicaState({ kind: 'greeting' }), record.prepare(2), ...seals);
    assert.deepEqual([greeting.read.isPromotionSeen, greeting.read.failovers], [false, [nowMs]]);
    const found = { nextOffset: 40n as LogOffset, state: greeting.fold };
    const started = startFold(replicaState({ nowMs: nowMs + 700 }), found);
    assert.deepEqual(started.read.failovers, [nowMs + 700]);
  });

  it('neither a switchover nor the first epoch is a failover', () => {
    const final = record.seal(2, eu, { at: '1:0/10', final: true });
    const switched = read(
      replicaState(),
      record.prepare(2, { change: 'switchover', preferred: us }),
      ...[final, record.seal(2, us, { at: '1:0/10' })],
    );
    assert.equal(switched.fold.primary, us);
    assert.deepEqual([switched.read.isPromotionSeen, switched.read.failovers], [true, []]);
    const found = { nextOffset: 40n as LogOffset, state: inEpochOne([us]) };
    assert.deepEqual(startFold(replicaState(), found).read.failovers, []);
  });

  const newRules = record.policy({ version: 2, rules: 2 });

  it('rules that are newer than this program stop it when they come into force', () => {
    const known = [eu, us, ap].map((region) => record.hello(region, 2));
    const state = read(replicaState(), ...known, newRules);
    assert.equal(state.kind, 'halted');
    assert.match(state.why, /rules 2, newer than known here/);
    assert.equal(state.fold.policy?.rules, 1, 'it folds nothing by rules that it does not have');
  });

  it('new rules that a region does not know are void, and stop nobody', () => {
    const known = [eu, us].map((region) => record.hello(region, 2));
    assert.equal(read(replicaState(), ...known, newRules).kind, replicaState().kind);
  });

  it('a checkpoint under newer rules stops it', () => {
    const before = inEpochOne([us]);
    assert.ok(before.policy !== null);
    const state = { ...before, policy: { ...before.policy, rules: 2 } };
    const started = startFold(replicaState(), { nextOffset: 40n as LogOffset, state });
    assert.equal(started.kind, 'halted');
  });

  it('a lease and a pause of a checkpoint count from the start', () => {
    const fold = { ...inEpochOne([us]), pause: { durationMs: 600, operation: null } };
    const state = startFold(replicaState(), { nextOffset: 40n as LogOffset, state: fold });
    assert.equal(state.nextOffset, 40n);
    assert.deepEqual([state.read.leaseReadAtMs, state.read.pausedUntilMs], [nowMs, nowMs + 600]);
  });
});

describe('an operator’s record that is void', () => {
  const operation = { id: 'op-1', by: 'ann', reason: 'test', atMs: 1 };
  const first = record.prepare(2, { operation });

  it('is refused when it is the second of two operators', () => {
    const other = record.prepare(2, { operation: { ...operation, id: 'op-2' } });
    const state = read(replicaState(), first, other);
    assert.deepEqual(
      state.refused.map(({ label, why }) => [label.id, why]),
      [['op-2', 'decided on an older attempt']],
    );
  });

  it('is not when it was only sent twice', () => {
    assert.deepEqual(read(replicaState(), first, first).refused, []);
  });

  it('is a step of the operation that runs when it was a further attempt of it', () => {
    const second = record.prepare(2, { attempt: 2, preferred: us, operation });
    const third = record.prepare(2, { attempt: 2, preferred: ap, operation });
    const late = record.prepare(2, { attempt: 4, preferred: ap, operation });
    const state = read(replicaState(), first, second, third, late);
    assert.deepEqual(state.refused, []);
    assert.deepEqual(
      state.steps.map(({ step }) => step),
      ['prepared', 'prepared', 'attempt refused'],
    );
  });
});

describe('a checkpoint of another cluster', () => {
  it('stops the controller: its data must be set aside first', () => {
    const state = replicaState();
    const policy = state.fold.policy;
    assert.ok(policy !== null);
    const fold = { ...state.fold, policy: { ...policy, clusterId: 'another' } };
    const started = startFold(state, { nextOffset: 5n as LogOffset, state: fold });
    assert.equal(started.kind, 'halted');
    assert.match(started.why, /are of cluster another/);
    const own = startFold(state, { nextOffset: 5n as LogOffset, state: state.fold });
    assert.notEqual(own.kind, 'halted');
  });
});
