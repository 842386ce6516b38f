import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OperatorRequest } from '../../../../../../services/failover/core/controller-input.ts';
import { preflight } from '../../../../../../services/failover/core/operator/preflight.ts';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import { initialControlState } from '../../../../../../shared/core/control/control-state.ts';
import {
  ap,
  eu,
  followOf,
  inEpochOne,
  nodeOf,
  nowMs,
  peerOf,
  primaryState,
  record,
  replicaState,
  replicationOf,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

type Change = Extract<OperatorRequest, { kind: 'change' }>;
const ask = (changes: Partial<Change> = {}): Change => ({
  kind: 'change',
  change: 'switchover',
  to: us,
  force: false,
  acceptDataLoss: false,
  operation: { id: 'op-1', by: 'ann', reason: 'moving', atMs: 5 },
  ...changes,
});
const running = record.prepare(2, {
  change: 'switchover',
  preferred: us,
  operation: { id: 'op-0', by: 'bob', reason: 'first', atMs: 1 },
});
const openPrimary = peerOf(eu, { role: 'primary' });
const promoted = [
  record.prepare(2, { preferred: us, operation: { id: 'op-9', by: 'eve', reason: '', atMs: 2 } }),
  record.seal(2, us),
  record.seal(2, ap),
];
const fullDisk = { freeBytes: 5, totalBytes: 100 };

interface Row {
  readonly name: string;
  readonly state: ControllerState;
  readonly request: OperatorRequest;
  /** Code of the refusal, or `ready <attempt> <change> <preferred>`. */
  readonly outcome: string;
}

const force = ask({ change: 'failover', force: true, acceptDataLoss: true });
const rows: readonly Row[] = [
  {
    name: 'a live member',
    state: primaryState(),
    request: ask(),
    outcome: 'ready 1 switchover us-east',
  },
  {
    name: 'any target, chosen here',
    state: primaryState(),
    request: ask({ to: null }),
    outcome: 'ready 1 switchover us-east',
  },
  {
    name: 'any region may be asked',
    state: replicaState(),
    request: ask({ to: ap }),
    outcome: 'ready 1 switchover ap-south',
  },
  {
    name: 'the primary itself',
    state: primaryState(),
    request: ask({ to: eu }),
    outcome: 'RequestInvalid',
  },
  {
    name: 'an unknown region',
    state: primaryState(),
    request: ask({ to: 'mars' as typeof eu }),
    outcome: 'RequestInvalid',
  },
  {
    name: 'a region that is no member',
    state: primaryState({ fold: inEpochOne([ap]) }),
    request: ask(),
    outcome: 'RequestInvalid',
  },
  {
    name: 'a region that does not answer',
    state: primaryState({ peers: [peerOf(us, { ageMs: 9000 })] }),
    request: ask(),
    outcome: 'RequestInvalid',
  },
  {
    name: 'a region that lags',
    state: primaryState({ peers: [peerOf(us, { lagMs: 5000 })] }),
    request: ask(),
    outcome: 'RequestInvalid',
  },
  {
    name: 'a region whose roles differ',
    state: primaryState({ peers: [peerOf(us, { drift: ['role clerk'] })] }),
    request: ask(),
    outcome: 'RequestInvalid',
  },
  {
    name: 'a region whose disk is nearly full',
    state: primaryState({ peers: [peerOf(us, { diskAlarms: ['the disk is 95 % full'] })] }),
    request: ask(),
    outcome: 'RequestInvalid',
  },
  {
    name: 'this region, whose own disk is nearly full',
    state: replicaState({ nodes: [nodeOf('us-east/pg-1', { disk: fullDisk })] }),
    request: ask(),
    outcome: 'RequestInvalid',
  },
  {
    name: 'this region, which lags itself',
    state: replicaState({
      replication: replicationOf(followOf(1), { freshAtMs: nowMs - 5000 }),
    }),
    request: ask(),
    outcome: 'RequestInvalid',
  },
  {
    name: 'a region that runs the next version',
    state: primaryState({ peers: [peerOf(us, { version: '1.5.0' })] }),
    request: ask(),
    outcome: 'ready 1 switchover us-east',
  },
  {
    name: 'a region that runs a version too far from this one’s',
    state: primaryState({ peers: [peerOf(us, { version: '1.6.0' })] }),
    request: ask(),
    outcome: 'RequestInvalid',
  },
  {
    name: 'a region that does not know the rules in force',
    state: withRecords(primaryState(), record.hello(us, 0)),
    request: ask(),
    outcome: 'RequestInvalid',
  },
  {
    name: 'a failover to a region that does not know the rules in force',
    state: withRecords(replicaState(), record.hello(ap, 0)),
    request: ask({ change: 'failover', to: ap }),
    outcome: 'RequestInvalid',
  },
  {
    name: 'the loss accepted, without force: the drift is not',
    state: primaryState({ peers: [peerOf(us, { drift: ['role clerk'] })] }),
    request: ask({ acceptDataLoss: true }),
    outcome: 'RequestInvalid',
  },
  {
    name: 'the loss accepted, without force: nothing is forced',
    state: replicaState(),
    request: ask({ change: 'failover', to: null, acceptDataLoss: true }),
    outcome: 'ready 1 failover null',
  },
  {
    name: 'a switchover while the promoted region opens',
    state: withRecords(primaryState(), ...promoted),
    request: ask({ to: ap }),
    outcome: 'OperationRunning',
  },
  {
    name: 'a failover while the promoted region opens',
    state: withRecords(primaryState(), ...promoted),
    request: ask({ change: 'failover', to: null }),
    outcome: 'OperationRunning',
  },
  {
    name: 'force while the promoted region opens',
    state: withRecords(primaryState(), ...promoted),
    request: force,
    outcome: 'OperationRunning',
  },
  {
    name: 'before the first epoch',
    state: primaryState({ fold: initialControlState }),
    request: ask(),
    outcome: 'RequestInvalid',
  },
  {
    name: 'before the log is read',
    state: primaryState({ kind: 'greeting' }),
    request: ask(),
    outcome: 'NotPrimary',
  },
  {
    name: 'the same while another runs',
    state: withRecords(primaryState(), running),
    request: ask(),
    outcome: 'OperationRunning',
  },
  {
    name: 'another target while one runs',
    state: withRecords(primaryState(), running),
    request: ask({ to: ap }),
    outcome: 'ready 2 switchover ap-south',
  },
  {
    name: 'a failover without a target',
    state: replicaState(),
    request: ask({ change: 'failover', to: null }),
    outcome: 'ready 1 failover null',
  },
  {
    name: 'a failover to the primary itself',
    state: replicaState(),
    request: ask({ change: 'failover', to: eu }),
    outcome: 'RequestInvalid',
  },
  {
    name: 'a failover to a region that does not answer',
    state: replicaState({ peers: [peerOf(ap, { ageMs: 9000 }), openPrimary] }),
    request: ask({ change: 'failover', to: ap }),
    outcome: 'RequestInvalid',
  },
  ...(['joining', 'quarantined'] as const).flatMap((role): Row[] => [
    {
      name: `a failover to a region that is ${role}`,
      state: replicaState({ peers: [peerOf(ap, { role }), openPrimary] }),
      request: ask({ change: 'failover', to: ap }),
      outcome: 'RequestInvalid',
    },
    {
      name: `a failover to this region, which is ${role}`,
      state: replicaState({ role }),
      request: ask({ change: 'failover' }),
      outcome: 'RequestInvalid',
    },
  ]),
  {
    name: 'a failover to a live region',
    state: replicaState({ peers: [peerOf(ap), openPrimary] }),
    request: ask({ change: 'failover', to: ap }),
    outcome: 'ready 1 failover ap-south',
  },
  {
    name: 'force without accepting the loss',
    state: replicaState(),
    request: ask({ force: true }),
    outcome: 'DataLossNotAccepted',
  },
  { name: 'force at first', state: replicaState(), request: force, outcome: 'RequestInvalid' },
  {
    name: 'force while live members can still seal',
    state: withRecords(replicaState(), record.prepare(2), record.seal(2, us)),
    request: force,
    outcome: 'OperationRunning',
  },
  {
    name: 'force when the others are silent',
    state: withRecords(replicaState({ peers: [] }), record.prepare(2), record.seal(2, us)),
    request: force,
    outcome: 'ready 2 failover us-east',
  },
  {
    name: 'a pause',
    state: replicaState(),
    request: { kind: 'pause', durationMs: 1000, operation: ask().operation },
    outcome: 'ready pause',
  },
];

describe('preflight', () => {
  for (const { name, state, request, outcome } of rows) {
    it(`${name}: ${outcome}`, () => {
      const checked = preflight(state, request);
      if (checked.kind === 'refused') {
        assert.equal(checked.code, outcome);
        assert.notEqual(checked.hint, '');
        return;
      }
      const { record: made } = checked;
      const text =
        made.kind === 'prepare'
          ? `ready ${made.attempt} ${made.change} ${made.preferred}`
          : `ready ${made.kind}`;
      assert.equal(text, outcome);
    });
  }

  it('a further attempt keeps the running operation’s id', () => {
    const checked = preflight(withRecords(primaryState(), running), ask({ to: ap }));
    assert.equal(checked.kind === 'ready' && checked.operationId, 'op-0');
  });
});
