import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../services/failover/core/controller-state.ts';
import { changeRole, initialRole } from '../../../../../services/failover/core/region-role.ts';
import type { Role } from '../../../../../shared/core/cluster-view.ts';
import {
  ap,
  at,
  databaseOf,
  eu,
  nodeOf,
  nowMs,
  primaryState,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

const none = { data: 'none', process: 'stopped', mode: null } as const;
const away = [us, ap].map((region) => record.seal(2, region, { at: '1:0/10' }));
const opened = { lastOpenedEpoch: 1, lastOpenedTimeline: 1 };

interface Row {
  readonly name: string;
  readonly state: ControllerState;
  readonly roles: readonly Role[];
}

const rows: readonly Row[] = [
  { name: 'a primary under its lease stays', state: primaryState(), roles: [] },
  { name: 'a replica that follows stays', state: replicaState(), roles: [] },
  {
    name: 'a lapsed lease fences',
    state: primaryState({ nowMs: nowMs + 4000, databaseHeardAtMs: nowMs + 4000 }),
    roles: ['fenced'],
  },
  {
    name: 'a prepared failover fences',
    state: withRecords(primaryState(), record.prepare(2)),
    roles: ['fenced'],
  },
  {
    name: 'a prepared switchover drains',
    state: withRecords(primaryState(), record.prepare(2, { change: 'switchover', preferred: us })),
    roles: ['draining'],
  },
  {
    name: 'a restarted server fences',
    state: primaryState({ database: databaseOf(eu, { serverStart: 'start 2', fence: opened }) }),
    roles: ['fenced'],
  },
  {
    name: 'a deposed primary is fenced, then compares its tail',
    state: withRecords(primaryState(), record.prepare(2), ...away),
    roles: ['fenced', 'rejoining'],
  },
  {
    name: 'a chosen replica promotes',
    state: withRecords(replicaState(), record.prepare(2), ...away),
    roles: ['promoting'],
  },
  {
    name: 'a fenced primary that was chosen again promotes',
    state: withRecords(
      primaryState({ role: 'fenced' }),
      record.prepare(2),
      record.seal(2, eu, { at: '1:0/10', final: true }),
    ),
    roles: ['promoting'],
  },
  {
    name: 'a node open again under its lease is primary again',
    state: primaryState({ role: 'fenced' }),
    roles: ['primary'],
  },
  {
    name: 'lost data are seeded',
    state: replicaState({ database: null, nodes: [nodeOf('us-east/pg-1', none)] }),
    roles: ['catching-up', 'joining'],
  },
  {
    name: 'seeded data catch up and serve',
    state: replicaState({ role: 'joining' }),
    roles: ['catching-up', 'replica'],
  },
  {
    name: 'a replica beyond a cut is quarantined',
    state: withRecords(
      replicaState(),
      record.prepare(2),
      record.seal(2, eu, { at: '1:0/8', final: true }),
    ),
    roles: ['rejoining', 'quarantined'],
  },
];

describe('region role', () => {
  for (const { name, state, roles } of rows) {
    it(name, () => {
      const { taken } = changeRole(state);
      assert.deepEqual(
        taken.map((row) => row.to),
        roles,
      );
    });
  }

  it('a fence breaks the tenure', () => {
    const { state } = changeRole(withRecords(primaryState(), record.prepare(2)));
    assert.equal(state.tenure?.isBroken, true);
  });

  it('starts from what the node holds', () => {
    const state = (fence: object): ControllerState =>
      replicaState({ database: databaseOf(us, { fence }) });
    assert.equal(initialRole(state({})), 'catching-up');
    assert.equal(initialRole(state(opened)), 'fenced');
    assert.equal(initialRole(replicaState({ database: null })), 'joining');
    const seeding = databaseOf(us, { progress: { position: at('1:0/9'), store: '' } });
    assert.equal(initialRole(replicaState({ database: seeding })), 'joining');
  });
});
