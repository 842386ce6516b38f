import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EffectBody } from '../../../../../services/failover/core/controller-effect.ts';
import type { Input } from '../../../../../services/failover/core/controller-input.ts';
import {
  initialControllerState,
  type ControllerState,
} from '../../../../../services/failover/core/controller-state.ts';
import { step } from '../../../../../services/failover/core/controller.ts';
import { firstOffset, type LogOffset } from '../../../../../shared/core/log-offset.ts';
import {
  configOf,
  nowMs,
  primaryState,
  record,
  replicaState,
  us,
} from '../../../../helpers/controllers.ts';

function run(
  from: ControllerState,
  inputs: readonly Input[],
): { readonly state: ControllerState; readonly kinds: readonly EffectBody['kind'][] } {
  let state = from;
  const kinds: EffectBody['kind'][] = [];
  for (const input of inputs) {
    const stepped = step(state, input);
    state = stepped.state;
    kinds.push(...stepped.effects.map((effect) => effect.kind));
  }
  return { state, kinds };
}

describe('a starting controller', () => {
  const started: readonly Input[] = [
    { kind: 'started', nowMs },
    { kind: 'nodesReported', nowMs, askedAtMs: nowMs, nodes: replicaState().nodes },
    { kind: 'databaseReported', nowMs, askedAtMs: nowMs, facts: replicaState().database, why: '' },
  ];

  it('looks for its checkpoint once its node answers, then reads, then greets', () => {
    const { state, kinds } = run(initialControllerState(configOf(us)), started);
    assert.deepEqual(
      kinds.filter((kind) => kind !== 'publishView'),
      ['findCheckpoint'],
    );
    const [looking] = state.running;
    assert.ok(looking);
    const found = run(state, [
      { kind: 'checkpointFound', nowMs, checkpoint: null },
      { kind: 'effectFinished', nowMs, id: looking.id, result: { kind: 'none' } },
    ]);
    assert.ok(found.kinds.includes('readControl'));
    const reading = found.state.running.find((one) => one.kind === 'readControl');
    assert.ok(reading);
    const greeting = run(found.state, [
      { kind: 'effectFinished', nowMs, id: reading.id, result: { kind: 'none' } },
    ]);
    assert.ok(greeting.kinds.includes('appendControl'));
    assert.equal(greeting.state.kind, 'greeting');
    const running = run(greeting.state, [
      { kind: 'controlRecordRead', nowMs, offset: firstOffset, record: record.hello(us) },
    ]);
    assert.equal(running.state.kind, 'running');
  });

  it('publishes a closed view before it knows anything', () => {
    const { state } = run(initialControllerState(configOf(us)), started.slice(0, 1));
    assert.deepEqual([state.view?.isReady, state.view?.isOpen], [false, false]);
    assert.equal(state.view?.replication.kind, 'idle');
  });
});

describe('a running controller', () => {
  it('fences itself when its lease lapses, and says why', () => {
    const later = nowMs + 4000;
    const state = { ...primaryState(), databaseHeardAtMs: later };
    const { kinds, state: after } = run(state, [{ kind: 'ticked', nowMs: later, wallMs: later }]);
    assert.equal(after.role, 'fenced');
    assert.ok(kinds.indexOf('publishView') < kinds.indexOf('closeNode'));
    assert.ok(kinds.includes('explain'));
    assert.equal(after.view?.isOpen, false);
  });

  it('seals when it reads a prepare', () => {
    const offset = 0n as LogOffset;
    const { kinds } = run(replicaState(), [
      { kind: 'controlRecordRead', nowMs, offset, record: record.prepare(2) },
    ]);
    assert.ok(kinds.includes('sealNode'));
  });

  it('stops for good at a record it does not know', () => {
    const { state, kinds } = run(replicaState(), [
      { kind: 'controlLogUnreadable', nowMs, why: 'version 2' },
      { kind: 'ticked', nowMs: nowMs + 60_000, wallMs: 0 },
    ]);
    assert.equal(state.kind, 'halted');
    assert.ok(kinds.includes('halt'));
    assert.ok(!kinds.includes('appendControl'));
    assert.equal(state.view?.replication.kind, 'idle');
  });

  it('publishes nothing when nothing changed', () => {
    const first = run(replicaState(), [{ kind: 'ticked', nowMs, wallMs: nowMs }]);
    const second = run(first.state, [{ kind: 'ticked', nowMs: nowMs + 1, wallMs: nowMs }]);
    assert.deepEqual(second.kinds, []);
  });
});
