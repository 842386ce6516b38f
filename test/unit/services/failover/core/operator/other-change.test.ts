import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import { otherChange } from '../../../../../../services/failover/core/operator/other-change.ts';
import { preflight } from '../../../../../../services/failover/core/operator/preflight.ts';
import {
  ap,
  configOf,
  epoch,
  nowMs,
  peerOf,
  primaryState,
  record,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

const prepare = record.prepare(2, {
  preferred: us,
  operation: { id: 'op-9', by: 'eve', reason: '', atMs: 2 },
});
const promoted = [prepare, record.seal(2, us), record.seal(2, ap)];
const note = {
  kind: 'note',
  epoch: epoch(2),
  region: us,
  note: { about: 'opened', pauseMs: 700 },
} as const;

interface Row {
  readonly name: string;
  readonly state: ControllerState;
  readonly id: string | null;
}

const asked = { operationId: 'op-3', record: prepare, sinceMs: nowMs };
const rows: readonly Row[] = [
  { name: 'nothing when all is quiet', state: primaryState(), id: null },
  { name: 'a request not read back', state: primaryState({ asked }), id: 'op-3' },
  {
    name: 'nothing for another kind of request',
    state: primaryState({
      asked: { ...asked, record: { kind: 'pause', durationMs: 1, operation: null } },
    }),
    id: null,
  },
  {
    name: 'a promotion that has not opened',
    state: withRecords(primaryState(), ...promoted),
    id: 'op-9',
  },
  {
    name: 'nothing once it is noted that it has',
    state: withRecords(primaryState(), ...promoted, note),
    id: null,
  },
  {
    name: 'nothing once its report says that it has',
    state: withRecords(
      primaryState({ peers: [peerOf(us, { role: 'primary', epoch: epoch(2) })] }),
      ...promoted,
    ),
    id: null,
  },
  {
    name: 'nothing in the region itself once it has opened',
    state: withRecords(primaryState({ config: configOf(us), tenure: openedAs(2) }), ...promoted),
    id: null,
  },
  {
    name: 'nothing once its lease is over',
    state: withRecords(primaryState({ nowMs: nowMs + 5250 }), ...promoted),
    id: null,
  },
];

function openedAs(n: number): ControllerState['tenure'] {
  const { tenure } = primaryState();
  return tenure && { ...tenure, epoch: epoch(n), openedAtMs: nowMs };
}

describe('another change', () => {
  for (const { name, state, id } of rows) {
    it(name, () => {
      assert.equal(otherChange(state)?.operationId ?? null, id);
    });
  }

  it('is named to whoever asks for a further one, but the same request is none', () => {
    const request = {
      kind: 'change',
      change: 'failover',
      to: null,
      force: false,
      acceptDataLoss: false,
      operation: { id: 'op-1', by: 'ann', reason: '', atMs: 3 },
    } as const;
    const state = withRecords(primaryState(), ...promoted);
    const refusal = preflight(state, request);
    assert.deepEqual(
      refusal.kind === 'refused' && [refusal.code, refusal.operationId, refusal.why],
      ['OperationRunning', 'op-9', 'us-east is about to open epoch 2'],
    );
    const same = { ...request, operation: { ...request.operation, id: 'op-9' } };
    assert.equal(preflight(state, same).kind, 'ready');
  });
});
