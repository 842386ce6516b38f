import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { planNodes, seedSource } from '../../../../../services/failover/core/node-plan.ts';
import { trackOldNode } from '../../../../../services/failover/core/rejoin/old-node.ts';
import { initialControlState } from '../../../../../shared/core/control/control-state.ts';
import {
  ap,
  configOf,
  databaseOf,
  eu,
  foldAll,
  lsn,
  nodeOf,
  nowMs,
  peerOf,
  primaryState,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

const none = { data: 'none', process: 'stopped', mode: null } as const;
const before = foldAll([record.policy()], initialControlState).state;
const empty = [nodeOf('us-east/pg-1', none), nodeOf('us-east/pg-2', none)];
const stopped = nodeOf('us-east/pg-1', { process: 'stopped', mode: null });

const lost = { database: null, databaseLostAtMs: nowMs - 3000 };
const unseeded = [nodeOf('eu-west/pg-1'), nodeOf('eu-west/pg-2', none)];
const ofItsOwn = { data: 'ready', isStandby: false } as const;
const oldServer = { process: 'failed', mode: 'normal' } as const;

const rows = [
  { name: 'nothing when all runs', state: replicaState(), plan: '' },
  {
    name: 'nothing before the agent answered',
    state: replicaState({ nodesHeardAtMs: null }),
    plan: '',
  },
  {
    name: 'a new database by the first region only',
    state: { ...primaryState(), fold: before, nodes: [nodeOf('eu-west/pg-1', none)] },
    plan: 'initialiseNode eu-west/pg-1',
  },
  {
    name: 'no new database elsewhere',
    state: replicaState({ fold: before, nodes: empty }),
    plan: '',
  },
  {
    name: 'a base backup of the primary’s node',
    state: replicaState({ nodes: empty, database: null }),
    plan: 'seedRegionNode us-east/pg-1',
  },
  {
    name: 'a wiped first region seeds too',
    state: { ...primaryState(), nodes: [nodeOf('eu-west/pg-1', none)], database: null },
    plan: 'seedRegionNode eu-west/pg-1',
  },
  {
    name: 'a half-made folder is set aside first',
    state: replicaState({ nodes: [nodeOf('us-east/pg-1', { ...none, data: 'half-made' })] }),
    plan: 'setAside us-east/pg-1',
  },
  {
    name: 'a standby of lost data is promoted',
    state: replicaState({ nodes: [nodeOf('us-east/pg-1', none), nodeOf('us-east/pg-2')] }),
    plan: 'promoteNode us-east/pg-2',
  },
  {
    name: 'the standby of a node that stays away is promoted',
    state: replicaState({ ...lost, databaseSilentAtMs: nowMs }),
    plan: 'promoteNode us-east/pg-2',
  },
  {
    name: 'not before its time',
    state: replicaState({ ...lost, databaseSilentAtMs: nowMs - 1 }),
    plan: '',
  },
  {
    name: 'a node that was never seen has ten times as long',
    state: replicaState({ ...lost, databaseHeardAtMs: 0, databaseSilentAtMs: nowMs }),
    plan: '',
  },
  {
    name: 'a server of its own once is set aside, not started as a standby',
    state: replicaState({
      nodes: [nodeOf('us-east/pg-2', { mode: 'normal' }), nodeOf('us-east/pg-1', oldServer)],
    }),
    plan: 'setAside us-east/pg-1',
  },
  {
    name: 'a standby that does not start is made anew',
    state: replicaState({
      nodes: [nodeOf('us-east/pg-1'), nodeOf('us-east/pg-2', { process: 'stopped', mode: null })],
      failures: { 'startNode:us-east/pg-2': 3 },
    }),
    plan: 'setAside us-east/pg-2',
  },
  {
    name: 'nothing before the hello is read back',
    state: replicaState({ kind: 'greeting', nodes: empty }),
    plan: '',
  },
  {
    name: 'a stopped node starts, even before that',
    state: replicaState({ kind: 'starting', nodes: [stopped], database: null }),
    plan: 'startNode us-east/pg-1',
  },
  {
    name: 'a base backup is adopted',
    state: replicaState({
      nodes: [nodeOf('us-east/pg-1', { recoveredTo: lsn(9n) })],
      database: databaseOf(eu),
    }),
    plan: 'adoptSeed us-east/pg-1',
  },
  {
    name: 'a base backup of unknown end is set aside',
    state: replicaState({ database: databaseOf(eu) }),
    plan: 'setAside us-east/pg-1',
  },
  {
    name: 'a node of an earlier controller is taken',
    state: replicaState({ database: databaseOf(us, { fence: { incarnation: 'older' } }) }),
    plan: 'takeNode us-east/pg-1',
  },
  {
    name: 'a missing standby is made',
    state: replicaState({ nodes: [nodeOf('us-east/pg-1'), nodeOf('us-east/pg-2', none)] }),
    plan: 'seedStandby us-east/pg-2',
  },
  {
    name: 'no standby is made while writes wait for the node',
    state: { ...primaryState({ role: 'fenced' }), nodes: unseeded },
    plan: '',
  },
  {
    name: 'nor while it gives its role to another region',
    state: withRecords(primaryState({ nodes: unseeded }), record.prepare(2, { preferred: us })),
    plan: '',
  },
  {
    name: 'a standby of the open primary is made',
    state: primaryState({ nodes: unseeded }),
    plan: 'seedStandby eu-west/pg-2',
  },
  {
    name: 'data of a server of its own never follow',
    state: replicaState({
      nodes: [nodeOf('us-east/pg-1'), nodeOf('us-east/pg-2', { ...none, ...ofItsOwn })],
    }),
    plan: 'setAside us-east/pg-2',
  },
  {
    name: 'of a region that was primary they are looked at first',
    state: primaryState({
      nodes: [
        nodeOf('eu-west/pg-1'),
        nodeOf('eu-west/pg-2', { process: 'stopped', mode: null, ...ofItsOwn }),
      ],
    }),
    plan: 'startNode eu-west/pg-2',
  },
  {
    name: 'but other standbys come first',
    state: primaryState({
      nodes: [
        nodeOf('eu-west/pg-1'),
        nodeOf('eu-west/pg-2', { process: 'stopped', mode: null, ...ofItsOwn }),
        nodeOf('eu-west/pg-3', none),
      ],
    }),
    plan: 'seedStandby eu-west/pg-3',
  },
  {
    name: 'no standby is made of data that are about to be replaced',
    state: replicaState({
      role: 'quarantined',
      nodes: [nodeOf('us-east/pg-1'), nodeOf('us-east/pg-2', none)],
    }),
    plan: '',
  },
  {
    name: 'a stopped standby starts',
    state: replicaState({
      nodes: [nodeOf('us-east/pg-1'), nodeOf('us-east/pg-2', { process: 'stopped' })],
    }),
    plan: 'startNode us-east/pg-2',
  },
];

describe('node plan', () => {
  for (const { name, state, plan } of rows) {
    it(name, () => {
      const planned = planNodes(trackOldNode(state)).map((effect) =>
        'node' in effect ? `${effect.kind} ${effect.node}` : effect.kind,
      );
      assert.equal(planned.join(', '), plan);
    });
  }

  it('seeds from the primary first, then from any healthy region of this epoch', () => {
    assert.equal(seedSource(replicaState())?.region, eu);
    const others = [peerOf(ap), peerOf(eu, { role: 'primary', ageMs: 9000 })];
    assert.equal(seedSource(replicaState({ peers: others }))?.region, ap);
    const joining = [peerOf(ap, { role: 'joining' })];
    assert.equal(seedSource(replicaState({ peers: joining })), null);
    assert.equal(seedSource({ ...replicaState(), config: configOf(us), peers: [] }), null);
  });
});
