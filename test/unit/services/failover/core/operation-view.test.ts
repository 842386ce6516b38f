import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { operationView } from '../../../../../services/failover/core/operation-view.ts';
import {
  ap,
  configOf,
  epoch,
  eu,
  primaryState,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

const operation = { id: 'op-1', by: 'ann', reason: 'moving', atMs: 5 };
const prepare = record.prepare(2, { change: 'switchover', preferred: us, operation });
const seals = [
  record.seal(2, eu, { at: '1:0/10', final: true }),
  record.seal(2, us, { at: '1:0/10' }),
];

const asked = { operationId: 'op-1', record: prepare, sinceMs: 1 };
const rows = [
  { name: 'unknown', state: replicaState(), phase: undefined },
  { name: 'being written', state: replicaState({ asked }), phase: 'unknown' },
  {
    name: 'waiting for seals',
    state: withRecords(replicaState(), prepare),
    phase: 'waiting-for-seals',
  },
  { name: 'opening', state: withRecords(replicaState(), prepare, ...seals), phase: 'opening' },
  {
    name: 'replaced before it opened',
    state: withRecords(replicaState(), prepare, ...seals, record.prepare(3)),
    phase: 'replaced',
  },
  {
    name: 'done, as its renewals tell',
    state: {
      ...withRecords(replicaState({ config: configOf(ap) }), prepare, ...seals),
      read: { ...replicaState().read, promotedAtMs: replicaState().read.leaseReadAtMs - 3001 },
    },
    phase: 'done',
  },
  {
    name: 'done, as its note tells',
    state: withRecords(replicaState({ config: configOf(ap) }), prepare, ...seals, {
      kind: 'note',
      epoch: epoch(2),
      region: us,
      note: { about: 'opened', pauseMs: 700 },
    }),
    phase: 'done',
  },
  {
    name: 'refused, when its record was void',
    state: replicaState({ refused: [{ label: operation, why: 'decided on an older attempt' }] }),
    phase: 'refused',
  },
  {
    name: 'a drain',
    state: withRecords(replicaState(), {
      kind: 'traffic',
      region: us,
      isAccepting: false,
      operation,
    }),
    phase: 'done',
  },
  {
    name: 'a pause',
    state: withRecords(primaryState(), { kind: 'pause', durationMs: 0, operation }),
    phase: 'done',
  },
];

describe('operation view', () => {
  for (const { name, state, phase } of rows) {
    it(`is ${name}`, () => {
      assert.equal(operationView(state, 'op-1')?.phase, phase);
    });
  }

  it('names what is awaited', () => {
    const view = operationView(withRecords(replicaState(), prepare), 'op-1');
    assert.match(view?.result ?? '', /seal of the preferred region us-east is missing/);
    assert.deepEqual([view?.by, view?.reason, view?.askedAtMs], ['ann', 'moving', 5]);
    assert.notEqual(view?.to, ap);
  });
});
