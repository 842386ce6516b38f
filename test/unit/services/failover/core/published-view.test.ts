import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isSameView, viewOf } from '../../../../../services/failover/core/published-view.ts';
import {
  ap,
  databaseOf,
  eu,
  nodeOf,
  nowMs,
  peerOf,
  primaryState,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

describe('published view', () => {
  it('of a primary: open, with its lease and its members', () => {
    const view = viewOf(primaryState());
    assert.equal(view.isOpen, true);
    assert.equal(view.leaseValidUntilMs, nowMs + 4000);
    assert.deepEqual(
      view.members.map((member) => member.region),
      [us, ap],
    );
    assert.equal(view.replication.kind, 'lead');
    assert.equal(view.node, 'eu-west/pg-1');
  });

  it('is closed as soon as the tenure is broken', () => {
    const { tenure } = primaryState();
    const view = viewOf(primaryState({ tenure: tenure && { ...tenure, isBroken: true } }));
    assert.deepEqual([view.isOpen, view.leaseValidUntilMs], [false, null]);
  });

  it('is closed when the server is another start', () => {
    const database = primaryState().database;
    const state = primaryState({ database: database && { ...database, serverStart: 'start 2' } });
    assert.equal(viewOf(state).isOpen, false);
  });

  it('leaves out a member that is being removed', () => {
    const view = viewOf(primaryState({ removing: { region: ap, isSent: false } }));
    assert.deepEqual(
      view.members.map((member) => member.region),
      [us],
    );
  });

  it('shows the open change of primary', () => {
    const view = viewOf(withRecords(replicaState(), record.prepare(2, { preferred: us })));
    assert.equal(view.prepare?.preferred, us);
  });

  it('says which program runs, and which disks are nearly full', () => {
    const disk = { freeBytes: 5, totalBytes: 100 };
    const [own] = viewOf(replicaState({ nodes: [nodeOf('us-east/pg-1', { disk })] })).reports;
    assert.equal(own?.version, '1.4.2');
    assert.match(own?.diskAlarms?.join() ?? '', /us-east\/pg-1 is 95 % full/);
    assert.deepEqual(own?.warnings, own?.diskAlarms);
    assert.equal(viewOf(replicaState()).reports[0]?.diskAlarms, undefined);
  });

  it('has no node while the database does not answer or is not its own', () => {
    assert.equal(viewOf(replicaState({ database: null })).node, null);
    assert.equal(viewOf(replicaState({ database: databaseOf(eu) })).node, null);
  });

  it('calls a silent peer unreachable', () => {
    const view = viewOf(replicaState({ peers: [peerOf(ap, { ageMs: 5001 })] }));
    assert.equal(view.reports[1]?.health, 'unreachable');
  });

  it('tells views apart by what they say, not by their version', () => {
    const view = viewOf(replicaState());
    assert.ok(isSameView(view, { ...viewOf(replicaState()), version: 9 }));
    assert.ok(!isSameView(view, viewOf(replicaState({ role: 'catching-up' }))));
  });
});
