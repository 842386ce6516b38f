import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { step } from '../../../../../../services/failover/core/controller.ts';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import { planAhead } from '../../../../../../services/failover/core/members/ahead.ts';
import type { ControlRecord } from '../../../../../../shared/core/control/control-record.ts';
import type { LogOffset } from '../../../../../../shared/core/log-offset.ts';
import {
  at,
  databaseOf,
  epoch,
  eu,
  nowMs,
  record,
  replicaState,
  replicationOf,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

const switching = record.prepare(2, { change: 'switchover', preferred: us });
const last = record.seal(2, eu, { at: '1:0/10', final: true });
const own = record.seal(2, us, { at: '1:0/10' });

/** us-east, preferred by a switchover, its log completed for its seal. */
function sealing(...records: readonly ControlRecord[]): ControllerState {
  const sealEpoch = epoch(2);
  const directive = { kind: 'complete', epoch: epoch(1), sealEpoch, walEnd: null } as const;
  const walEnd = at('0:0/100').endLsn;
  const state = replicaState({
    seal: { epoch: epoch(2), drainingSinceMs: null, walEnd, ownEpoch: null },
    database: databaseOf(us, { fence: { sealedEpoch: 2 } }),
    replication: replicationOf(
      { ...directive, isOpener: false },
      { phase: 'done', store: 'us-east-store', sealedEpoch: 2 },
    ),
  });
  return withRecords(state, switching, ...records);
}

const kindsOf = (state: ControllerState): readonly string[] =>
  planAhead(state).map((one) => (one.kind === 'appendControl' ? one.record.kind : ''));

const both = ['member', 'renew'];
const rows = [
  { name: 'once the final seal was read', state: sealing(last), kinds: both },
  { name: 'not by an announcement alone', state: sealing(), kinds: [] },
  {
    name: 'not by a seal that is not final',
    state: sealing(record.seal(2, eu, { at: '1:0/10' })),
    kinds: [],
  },
  { name: 'not before the own log is completed', state: { ...sealing(last), replication: null } },
  { name: 'not before the fence is raised', state: { ...sealing(last), seal: null } },
  { name: 'not after the promotion', state: sealing(last, own) },
  {
    name: 'not when another region is preferred meanwhile',
    state: sealing(record.prepare(2, { attempt: 2, change: 'failover' }), last),
  },
];

describe('what goes ahead of the promotion', () => {
  for (const { name, state, kinds = [] } of rows) {
    it(name, () => {
      assert.deepEqual(kindsOf(state), kinds);
    });
  }

  it('is the old primary by its final seal, and one renewal', () => {
    const state = sealing(last);
    const [member, renewal] = planAhead(state);
    assert.deepEqual(member, {
      kind: 'appendControl',
      record: {
        ...{ kind: 'member', epoch: 2, version: 0, action: 'add', region: eu },
        store: last.store,
      },
    });
    assert.ok(renewal?.kind === 'appendControl' && renewal.record.kind === 'renew');
    assert.equal(renewal.record.seq, state.lease.nextSeq);
    const sent = { ...state.lease, sent: [{ seq: 1, sentAtMs: nowMs }] };
    assert.deepEqual(kindsOf({ ...state, lease: sent }), ['member']);
  });

  it('gives the lease from the moment it was sent, and the member, when they come in time', () => {
    const sent = sendAll(sealing(last));
    const after = read(sent.state, own, ...sent.records);
    assert.deepEqual(
      after.fold.members.map(({ region }) => region),
      [eu],
    );
    const { ttlMs, marginMs } = after.config.policy;
    assert.equal(after.lease.validUntilMs, nowMs + 1 + ttlMs - marginMs);
  });

  it('is void before the promotion, and sent again', () => {
    const sent = sendAll(sealing(last));
    const early = read(sent.state, ...sent.records);
    assert.equal(early.lease.sent.length, 1, 'the next one is on its way');
    const again = early.lease.sent[0]?.seq;
    assert.notEqual(again, sent.state.lease.sent[0]?.seq);
    const after = read(early, own);
    assert.deepEqual(after.fold.members, []);
    assert.equal(after.lease.validUntilMs, null);
  });
});

/** The records that `state` sends within a step, its own seal left out. */
function sendAll(state: ControllerState): {
  readonly state: ControllerState;
  readonly records: readonly ControlRecord[];
} {
  const stepped = step(state, { kind: 'ticked', nowMs: nowMs + 1, wallMs: nowMs + 1 });
  const sent = stepped.effects.flatMap((one) => (one.kind === 'appendControl' ? [one] : []));
  const records = sent.map(({ record: one }) => one);
  assert.deepEqual(
    records.map(({ kind }) => kind),
    ['seal', 'member', 'renew'],
  );
  // All are acknowledged before the first is read.
  const result = { kind: 'none' } as const;
  const acknowledged = sent.reduce(
    (current, { id }) =>
      step(current, { kind: 'effectFinished', nowMs: nowMs + 2, id, result }).state,
    stepped.state,
  );
  return { state: acknowledged, records: records.slice(1) };
}

function read(state: ControllerState, ...records: readonly ControlRecord[]): ControllerState {
  return records.reduce((current, one) => {
    const offset: LogOffset = current.nextOffset;
    const input = { kind: 'controlRecordRead', nowMs: nowMs + 3, offset, record: one } as const;
    return step(current, input).state;
  }, state);
}
