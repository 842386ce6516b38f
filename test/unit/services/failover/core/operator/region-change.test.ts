import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { preflight } from '../../../../../../services/failover/core/operator/preflight.ts';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import { initialControlState } from '../../../../../../shared/core/control/control-state.ts';
import type { RegionId } from '../../../../../../shared/core/region.ts';
import {
  ap,
  eu,
  inEpochOne,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

const ca = 'ca-central' as RegionId;
const operation = { id: 'op-1', by: 'ann', reason: '', atMs: 5 };
const member = replicaState({ fold: inEpochOne([us]) });
const three = record.policy({ version: 2, k: 2 });

interface Row {
  readonly name: string;
  readonly state: ControllerState;
  readonly action: 'add' | 'remove';
  readonly region: RegionId;
  /** What the refusal says; null: a record of the next version. */
  readonly why: RegExp | null;
}

const rows: readonly Row[] = [
  ...[
    { name: 'a region that is there', region: ap, why: /already/ },
    { name: 'a region that was never started', region: ca, why: /has not said/ },
  ].map((one) => ({ ...one, state: member, action: 'add' as const })),
  {
    name: 'a region that has said hello is added',
    state: withRecords(member, record.hello(ca)),
    action: 'add',
    region: ca,
    why: null,
  },
  ...[
    { name: 'a stopped region is removed', region: ap, why: null },
    { name: 'an unknown one is not', region: ca, why: /is not a region/ },
    { name: 'the primary stays', region: eu, why: /is the primary/ },
    { name: 'a member stays', region: us, why: /is a member/ },
  ].map((one) => ({ ...one, state: member, action: 'remove' as const })),
  {
    name: 'what K needs stays',
    state: withRecords(member, three),
    action: 'remove',
    region: ap,
    why: /too few/,
  },
  {
    name: 'nothing changes while a primary is chosen',
    state: withRecords(member, record.prepare(2)),
    action: 'remove',
    region: ap,
    why: /under way/,
  },
  {
    name: 'nothing changes before the first epoch',
    state: replicaState({ fold: initialControlState }),
    action: 'remove',
    region: ap,
    why: /first epoch/,
  },
];

describe('region change', () => {
  for (const { name, state, action, region, why } of rows) {
    it(name, () => {
      const result = preflight(state, { kind: 'region', action, region, operation });
      if (why !== null) {
        assert.equal(result.kind, 'refused');
        assert.match(result.why, why);
        return;
      }
      const record = { kind: 'region', version: 2, action, region, operation };
      assert.deepEqual(result, { kind: 'ready', record, operationId: 'op-1' });
    });
  }
});
