import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import {
  hearAnnouncement,
  isAnnounced,
  isSealAnnounced,
  sentBeforeMs,
  trackAnnouncedSeal,
} from '../../../../../../services/failover/core/relay/announcement.ts';
import type {
  ControlRecord,
  RenewRecord,
} from '../../../../../../shared/core/control/control-record.ts';
import {
  at,
  epoch,
  eu,
  followOf,
  nowMs,
  record,
  replicaState,
  replicationOf,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

const renewal = (seq: number, incarnation = 'one'): RenewRecord => ({
  kind: 'renew',
  epoch: epoch(1),
  region: eu,
  incarnation,
  seq,
});
const heard = (state: ControllerState, record: ControlRecord, atMs: number): ControllerState =>
  hearAnnouncement({ ...state, nowMs: atMs }, record);

describe('announcements of renewals', () => {
  const told = heard(heard(replicaState(), renewal(7), nowMs + 100), renewal(8), nowMs + 600);
  const later = { ...told, nowMs: nowMs + 4000 };

  it('tell that one read now was sent before they were heard', () => {
    assert.equal(sentBeforeMs(later, renewal(7)), nowMs + 100);
    assert.equal(sentBeforeMs(later, renewal(8)), nowMs + 600);
  });

  it('tell it of one sent before them too', () => {
    assert.equal(sentBeforeMs(later, renewal(6)), nowMs + 100);
  });

  it('tell nothing of a later one, nor of one of another run', () => {
    assert.equal(sentBeforeMs(later, renewal(9)), later.nowMs);
    assert.equal(sentBeforeMs(later, renewal(7, 'two')), later.nowMs);
    assert.equal(sentBeforeMs(later, { ...renewal(7), epoch: epoch(2) }), later.nowMs);
  });

  it('never tell of a time to come', () => {
    assert.equal(sentBeforeMs({ ...told, nowMs: nowMs + 50 }, renewal(8)), nowMs + 50);
  });
});

describe('the announcement of a final seal', () => {
  const switching = withRecords(
    replicaState(),
    record.prepare(2, { change: 'switchover', preferred: us }),
  );
  const { prepare } = switching.fold;
  assert.ok(prepare !== null);
  const holds = (state: ControllerState, position: string): boolean => {
    const applied = { applied: at(position), store: 'us-east-store' };
    const replication = replicationOf(followOf(1), applied);
    return isSealAnnounced(trackAnnouncedSeal({ ...state, replication }), prepare);
  };
  const final = record.seal(2, eu, { at: '1:0/10', final: true });

  it('counts once everything up to it is applied', () => {
    assert.equal(holds(switching, '1:0/10'), false);
    const told = hearAnnouncement(switching, final);
    assert.equal(holds(told, '1:0/8'), false);
    assert.equal(holds(told, '1:0/10'), true);
  });

  it('counts from the old primary of this prepare only', () => {
    for (const other of [
      record.seal(2, us, { at: '1:0/10', final: true }),
      record.seal(3, eu, { at: '1:0/10', final: true }),
      record.seal(2, eu, { at: '1:0/10' }),
    ]) {
      assert.equal(holds(hearAnnouncement(switching, other), '1:0/10'), false);
    }
  });
});

it('renewals and final seals are announced, nothing else', () => {
  assert.equal(isAnnounced(renewal(1)), true);
  assert.equal(isAnnounced(record.seal(2, eu, { at: '1:0/10', final: true })), true);
  assert.equal(isAnnounced(record.seal(2, us, { at: '1:0/10' })), false);
  assert.equal(isAnnounced(record.prepare(2)), false);
});
