import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import type { EffectResult } from '../../../../../../services/failover/core/controller-input.ts';
import {
  nodeLookedAt,
  nodeTailListed,
  oldNodeGone,
  planOldNode,
  trackOldNode,
} from '../../../../../../services/failover/core/rejoin/old-node.ts';
import { tailListed } from '../../../../../../services/failover/core/rejoin/divergence.ts';
import { planNotes } from '../../../../../../services/failover/core/rejoin/tail-note.ts';
import type { FenceFacts } from '../../../../../../services/failover/core/controller-input.ts';
import type { NodeId } from '../../../../../../shared/core/node.ts';
import type { NodeState } from '../../../../../../shared/core/node-state.ts';
import {
  ap,
  at,
  databaseOf,
  epoch,
  eu,
  fenceOf,
  followOf,
  nodeOf,
  nowMs,
  peerOf,
  primaryState,
  record,
  replicationOf,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

const old = 'eu-west/pg-1' as NodeId;
const stopped = { process: 'stopped', mode: null, isStandby: false } as const;
const isolated = { process: 'running', mode: 'isolated', isStandby: false } as const;

const failover = [
  record.prepare(2, { preferred: eu }),
  ...[eu, us, ap].map((region) => record.seal(2, region, { at: '1:0/8' })),
];

/** Its standby pg-2 opened epoch 2, which cut epoch 1 of pg-1 at 1:0/8. */
function opened(node: Partial<NodeState>, changes: Partial<ControllerState> = {}): ControllerState {
  const base = primaryState();
  const database = databaseOf(eu, {
    ...base.database,
    timeline: 2,
    node: 'eu-west/pg-2' as NodeId,
    fence: {
      ...base.database?.fence,
      ...{ sealedEpoch: 2, openEpoch: 2, lastOpenedEpoch: 2, lastOpenedTimeline: 2 },
    },
  });
  const nodes = [nodeOf(old, node), nodeOf('eu-west/pg-2', { mode: 'normal' })];
  const state = { ...withRecords(base, ...failover), nodes, database, ...changes };
  return trackOldNode(state);
}

function looked(fence: Partial<FenceFacts> = {}): EffectResult {
  const facts = databaseOf(eu, { fence: fenceOf(eu, { lastOpenedEpoch: 1, ...fence }) });
  return { kind: 'nodeLooked', facts: { ...facts, node: old } };
}

function seen(changes: Partial<ControllerState> = {}, fence: Partial<FenceFacts> = {}) {
  return nodeLookedAt(opened(isolated, changes), looked(fence));
}

const listed = {
  kind: 'nodeTailListed',
  ...{ node: old, epoch: epoch(2), transactions: 2, rows: 5 },
  ...{ mayBeConfirmed: false, isListed: true },
} as const;

const setAside = [{ kind: 'setAside', node: old }];

describe('a node whose standby took its place', () => {
  it('is started isolated, asked what it is, and its tail is listed at the open node', () => {
    assert.deepEqual(planOldNode(opened(stopped)), [
      { kind: 'startNode', node: old, mode: 'isolated', primary: null },
    ]);
    assert.deepEqual(planOldNode(opened(isolated)), [{ kind: 'lookAtNode', node: old }]);
    const [effect] = planOldNode(seen());
    assert.ok(effect?.kind === 'listNodeTail');
    const { own, after, mayBeConfirmed, hasLog, listsLog } = effect;
    assert.deepEqual([effect.epoch, own, mayBeConfirmed, hasLog], [2, 1, false, true]);
    assert.deepEqual([after, listsLog], [at('1:0/8'), true]);
    assert.deepEqual(effect.target, { region: eu, node: 'eu-west/pg-2' });
  });

  it('knows its region’s log by the progress row while the replicator has just started', () => {
    const unread = replicationOf({ kind: 'idle', why: '' }, { store: null });
    for (const replication of [null, unread]) {
      const [effect] = planOldNode({ ...seen(), replication });
      assert.ok(effect?.kind === 'listNodeTail' && effect.hasLog);
    }
    const other = replicationOf({ kind: 'idle', why: '' }, { store: 'another' });
    const [effect] = planOldNode({ ...seen(), replication: other });
    assert.ok(effect?.kind === 'listNodeTail' && !effect.hasLog);
  });

  it('is set aside once the note of it is read back', () => {
    const found = nodeTailListed(seen(), listed);
    assert.deepEqual(planOldNode(found), []);
    const [note] = planNotes({ ...found, tenure: null });
    assert.ok(note?.kind === 'appendControl');
    const told = withRecords(found, note.record);
    assert.deepEqual(planOldNode(told), setAside);
    assert.equal(oldNodeGone(told, old).oldNode, null);
  });

  it('is listed again after a restart, and told once', () => {
    const found = nodeTailListed(seen(), listed);
    const [note] = planNotes({ ...found, tenure: null });
    assert.ok(note?.kind === 'appendControl');
    const restarted = trackOldNode({ ...withRecords(found, note.record), oldNode: null });
    assert.deepEqual(planOldNode(restarted), [{ kind: 'lookAtNode', node: old }]);
    const again = nodeTailListed(nodeLookedAt(restarted, looked()), listed);
    assert.deepEqual(planNotes({ ...again, tenure: null }), []);
    assert.deepEqual(planOldNode(again), setAside);
  });

  it('keeps its data until its epoch has ended and a node is open for the rows', () => {
    const fenced = seen({ role: 'fenced' });
    assert.deepEqual(planOldNode(fenced), []);
    const goesOn = { fold: primaryState().fold };
    assert.deepEqual(planOldNode({ ...fenced, ...goesOn }), []);
    assert.deepEqual(planOldNode(seen({}, { lastOpenedEpoch: 2 })), []);
    const promoted = databaseOf(eu, {
      timeline: 2,
      fence: { lastOpenedEpoch: 1, lastOpenedTimeline: 1 },
    });
    const failures = { [`isolate:${old}`]: 3 };
    assert.deepEqual(planOldNode(opened(stopped, { ...goesOn, failures, database: promoted })), []);
  });

  it('lists at another region that is primary now', () => {
    const moved = withRecords(
      seen({ role: 'replica' }),
      record.prepare(3, { preferred: us }),
      ...[eu, us, ap].map((region) => record.seal(3, region, { at: '2:0/4' })),
      ...[record.member(3, eu), record.member(3, ap)],
    );
    const peers = [peerOf(ap), peerOf(us, { role: 'primary', epoch: epoch(3) })];
    const [effect] = planOldNode({ ...moved, peers });
    assert.ok(effect?.kind === 'listNodeTail');
    assert.deepEqual(effect.target, { region: us, node: 'us-east/pg-1' });
    assert.equal(effect.epoch, 2);
  });

  it('has nothing of its own where it only ever applied, or never belonged here', () => {
    assert.deepEqual(planOldNode(seen({}, { lastOpenedEpoch: 0 })), setAside);
    assert.deepEqual(planOldNode(seen({}, { region: us })), setAside);
  });

  it('that does not come up is listed as such, and set aside when that is told', () => {
    const failing = opened({ ...isolated, process: 'failed' });
    assert.deepEqual(planOldNode(failing), []);
    const late = trackOldNode({ ...failing, nowMs: nowMs + 30_000 });
    const refused = opened(stopped, { failures: { [`isolate:${old}`]: 3 } });
    const silent = opened(isolated, { failures: { [`lookAtNode:${old}`]: 20 } });
    for (const state of [late, refused, silent]) {
      const [effect] = planOldNode({ ...state, lease: { ...state.lease } });
      assert.ok(effect?.kind === 'listNodeTail');
      assert.deepEqual([effect.epoch, effect.own, effect.after], [2, null, null]);
      assert.match(effect.why, /^the node does not come up/);
    }
    const found = nodeTailListed(late, { ...listed, rows: 0, transactions: 0, isListed: false });
    const [note] = planNotes({ ...found, tenure: null });
    assert.ok(note?.kind === 'appendControl');
    const told = withRecords(found, note.record);
    assert.deepEqual(planOldNode(told), setAside);
    // After a restart it is not reported again.
    const restarted = trackOldNode({ ...told, oldNode: null });
    assert.deepEqual(planOldNode({ ...restarted, nowMs: nowMs + 60_000 }), setAside);
  });

  it('is given time while its server replays its WAL', () => {
    const starting = opened({ ...isolated, process: 'starting' });
    assert.deepEqual(planOldNode({ ...starting, nowMs: nowMs + 299_999 }), []);
    const [effect] = planOldNode({ ...starting, nowMs: nowMs + 300_000 });
    assert.equal(effect?.kind, 'listNodeTail');
  });

  it('whose tail is never read is listed as such', () => {
    const [effect] = planOldNode(seen({ failures: { [`listNodeTail:${old}`]: 240 } }));
    assert.ok(effect?.kind === 'listNodeTail');
    assert.deepEqual([effect.epoch, effect.after], [2, null]);
  });

  it('has the time to come up from when the agent starts it', () => {
    const waiting = trackOldNode({ ...opened(stopped), nowMs: nowMs + 50_000 });
    assert.equal(waiting.oldNode?.sinceMs, nowMs + 50_000);
  });

  it('leaves to a quarantined region what that lists of its own log', () => {
    const moved = withRecords(
      seen({ role: 'quarantined', database: databaseOf(eu) }),
      record.prepare(3, { preferred: us }),
      record.seal(3, eu, { at: '2:0/0', final: true }),
      record.seal(3, us, { at: '2:0/4' }),
    );
    const [effect] = planOldNode({
      ...moved,
      peers: [peerOf(us, { role: 'primary', epoch: epoch(3) })],
      replication: replicationOf(followOf(2), { applied: at('2:0/9') }),
    });
    assert.ok(effect?.kind === 'listNodeTail');
    assert.deepEqual([effect.after, effect.listsLog], [at('1:0/8'), false]);
  });

  it('shares the one note of an epoch with its region', () => {
    const own = { ...{ epoch: epoch(2), after: at('1:0/8'), transactions: 1, rows: 1 } };
    const tailFound = { ...own, mayBeConfirmed: false, isListed: true };
    const both = nodeTailListed(seen({ tailFound }), listed);
    assert.deepEqual([both.tailFound?.rows, both.tailFound?.after], [5, at('1:0/8')]);
    assert.equal(planNotes({ ...both, tenure: null }).length, 1);
  });

  it('shares it as well when it is listed before what its region applied', () => {
    const moved = withRecords(
      seen({ role: 'quarantined', database: databaseOf(eu) }),
      record.prepare(3, { preferred: us }),
      record.seal(3, eu, { at: '2:0/0', final: true }),
      record.seal(3, us, { at: '2:0/4' }),
    );
    const replication = replicationOf(followOf(2), { applied: at('1:0/10') });
    const first = nodeTailListed({ ...moved, replication }, listed);
    const result = { kind: 'tailListed', transactions: 3, rows: 9, isListed: true } as const;
    const both = tailListed(first, result);
    assert.deepEqual([both.tailFound?.rows, both.oldNode?.found?.rows], [9, 9]);
    const [note] = planNotes({ ...both, tenure: null });
    assert.ok(note?.kind === 'appendControl');
    const told = withRecords(both, note.record);
    assert.deepEqual(planNotes({ ...told, tenure: null }), []);
    assert.deepEqual(planOldNode(told), setAside);
  });
});
