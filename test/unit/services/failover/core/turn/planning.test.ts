import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import { planAll } from '../../../../../../services/failover/core/turn/planning.ts';
import { initialControlState } from '../../../../../../shared/core/control/control-state.ts';
import {
  ap,
  databaseOf,
  nodeOf,
  nowMs,
  primaryState,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

const open = { openEpoch: 1, openedStart: 'start 1', openedCheckpointer: 'checkpointer 1' };
const asked = { operationId: 'op-1', record: record.prepare(2), sinceMs: nowMs };
const none = nodeOf('us-east/pg-1', { data: 'none', process: 'stopped', mode: null });

interface Row {
  readonly name: string;
  readonly state: ControllerState;
  readonly plan: readonly string[];
}

const rows: readonly Row[] = [
  { name: 'nothing when all is well', state: replicaState(), plan: [] },
  { name: 'nothing when halted', state: replicaState({ kind: 'halted', nodes: [] }), plan: [] },
  {
    name: 'a door that is open without being primary is closed',
    state: replicaState({ database: databaseOf(us, { fence: open }) }),
    plan: ['closeNode'],
  },
  {
    name: 'so are application sessions',
    state: replicaState({ database: databaseOf(us, { applicationSessions: 1 }) }),
    plan: ['closeNode'],
  },
  {
    name: 'names of a replica stay closed',
    state: replicaState({ database: databaseOf(us, { synchronousStandbyNames: 'meridian_x_1' }) }),
    plan: ['setSynchronousStandbyNames'],
  },
  {
    name: 'those of a region that is chosen may be ready ahead of its role',
    state: withRecords(
      replicaState({ database: databaseOf(us, { synchronousStandbyNames: 'meridian_us_east_2' }) }),
      record.prepare(2, { preferred: us }),
      ...[us, ap].map((region) => record.seal(2, region, { at: '1:0/10' })),
    ),
    plan: [],
  },
  { name: 'a primary’s door stays open', state: primaryState(), plan: [] },
  {
    name: 'a checkpoint is looked for when there are no data',
    state: replicaState({ kind: 'starting', nodes: [none], database: null, startedAtMs: nowMs }),
    plan: ['findCheckpoint'],
  },
  {
    name: 'it waits for a node that has data',
    state: replicaState({ kind: 'starting', database: null, startedAtMs: nowMs }),
    plan: [],
  },
  {
    name: 'but not for ever',
    state: replicaState({ kind: 'starting', database: null, startedAtMs: nowMs - 15_000 }),
    plan: ['findCheckpoint'],
  },
  {
    name: 'a greeting controller appends its hello',
    state: replicaState({ kind: 'greeting' }),
    plan: ['appendControl hello'],
  },
  {
    name: 'a policy is proposed when there is none',
    state: replicaState({ fold: initialControlState, role: 'joining' }),
    plan: ['appendControl policy'],
  },
  {
    name: 'what an operator asked is appended',
    state: replicaState({ asked }),
    plan: ['appendControl prepare'],
  },
  {
    name: 'a checkpoint is written now and then',
    state: replicaState({ checkpointWrittenAtMs: nowMs - 10_000 }),
    plan: ['writeCheckpoint'],
  },
];

describe('planning', () => {
  for (const { name, state, plan } of rows) {
    it(name, () => {
      const planned = planAll(state).effects.map((effect) =>
        effect.kind === 'appendControl' ? `appendControl ${effect.record.kind}` : effect.kind,
      );
      assert.deepEqual(planned, plan);
    });
  }

  it('forgets what was asked once a record shows it, or after its time', () => {
    const operation = { id: 'op-1', by: 'ann', reason: 'test', atMs: 1 };
    const shown = withRecords(replicaState({ asked }), record.prepare(2, { operation }));
    assert.equal(planAll(shown).state.asked, null);
    assert.equal(planAll({ ...replicaState({ asked }), nowMs: nowMs + 10_001 }).state.asked, null);
  });

  it('sends a further attempt, which has the id of the operation that runs', () => {
    const operation = { id: 'op-1', by: 'ann', reason: 'test', atMs: 1 };
    const running = withRecords(replicaState(), record.prepare(2, { operation }));
    const second = record.prepare(2, { attempt: 2, preferred: us, operation });
    const wish = { operationId: 'op-1', record: second, sinceMs: nowMs };
    const appended = planAll({ ...running, asked: wish }).effects.flatMap((effect) =>
      effect.kind === 'appendControl' ? [effect.record] : [],
    );
    assert.deepEqual(appended, [second]);
    const shown = withRecords({ ...running, asked: wish }, second);
    assert.equal(planAll(shown).state.asked, null);
  });

  it('says of what nobody read in time that it will hardly come', () => {
    const operation = { id: 'op-1', by: 'ann', reason: 'test', atMs: 1 };
    const wish = { ...asked, record: record.prepare(2, { operation }) };
    const late = planAll({ ...replicaState({ asked: wish }), nowMs: nowMs + 10_001 });
    assert.deepEqual(
      late.state.refused.map(({ label }) => label.id),
      ['op-1'],
    );
  });

  it('once the removal of a member is sent there is no way back', () => {
    const base = primaryState({ removing: { region: us, isSent: false } });
    const counted = base.fold.members.filter((member) => member.region !== us);
    const { replication } = base;
    assert.ok(replication);
    const peers = replication.peers.map((peer) =>
      peer.region === us ? { ...peer, heardAtMs: nowMs - 20_000 } : peer,
    );
    const state = { ...base, replication: { ...replication, peers, countedMembers: counted } };
    const { state: after, effects } = planAll(state);
    assert.equal(after.removing?.isSent, true);
    assert.ok(effects.some((effect) => effect.kind === 'appendControl'));
  });
});
