import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { trackOpening } from '../../../../../services/failover/core/promotion-plan.ts';
import { directiveOf } from '../../../../../services/failover/core/replication-directive.ts';
import { initialControlState } from '../../../../../shared/core/control/control-state.ts';
import {
  ap,
  at,
  databaseOf,
  epoch,
  eu,
  lsn,
  nowMs,
  primaryState,
  record,
  replicaState,
  replicationOf,
  us,
  withRecords,
} from '../../../../helpers/controllers.ts';

const seal = { epoch: epoch(2), drainingSinceMs: null, walEnd: lsn(0x20n), ownEpoch: null };
const switching = record.prepare(2, { change: 'switchover', preferred: us });
const raised = { fence: { sealedEpoch: 2 } };
const seedless = databaseOf(us, { progress: { position: at('1:0/9'), store: '' } });

const idleReport = replicationOf({ kind: 'idle', why: 'a test' });

const rows = [
  { name: 'idle before the hello', state: replicaState({ kind: 'greeting' }), kind: 'idle' },
  { name: 'idle without a database', state: replicaState({ database: null }), kind: 'idle' },
  {
    name: 'idle on a foreign copy',
    state: replicaState({ database: databaseOf(eu) }),
    kind: 'idle',
  },
  {
    name: 'idle until the node is taken',
    state: replicaState({ database: databaseOf(us, { fence: { incarnation: 'x' } }) }),
    kind: 'idle',
  },
  {
    name: 'idle before an epoch',
    state: replicaState({ fold: initialControlState }),
    kind: 'idle',
  },
  { name: 'seed after a base backup', state: replicaState({ database: seedless }), kind: 'seed' },
  { name: 'follow as a replica', state: replicaState(), kind: 'follow' },
  {
    name: 'idle until the row is read that the last work left',
    state: replicaState({ replication: idleReport, replicationWorkedAtMs: nowMs }),
    kind: 'idle',
  },
  {
    name: 'follow from the row that the last work left',
    state: replicaState({ replication: idleReport, replicationWorkedAtMs: nowMs - 1 }),
    kind: 'follow',
  },
  {
    name: 'idle in quarantine',
    state: replicaState({ role: 'quarantined' }),
    kind: 'idle',
  },
  { name: 'lead as the primary', state: primaryState(), kind: 'lead' },
  {
    name: 'go on in a switchover until the old primary has sealed',
    state: withRecords(replicaState(), switching),
    kind: 'follow',
  },
  {
    name: 'go on leading while it drains',
    state: withRecords(primaryState(), switching),
    kind: 'lead',
  },
  {
    name: 'nothing behind a fence that is being raised',
    state: withRecords(replicaState(), record.prepare(2)),
    kind: 'idle',
  },
  {
    name: 'complete once it is raised',
    state: withRecords(replicaState({ seal, database: databaseOf(us, raised) }), record.prepare(2)),
    kind: 'complete',
  },
  {
    name: 'nothing more where the log was completed up to the cut',
    state: withRecords(
      replicaState({
        replication: replicationOf(
          { kind: 'complete', epoch: epoch(1), sealEpoch: epoch(2), isOpener: false, walEnd: null },
          { phase: 'done', store: 'us-east-store' },
        ),
      }),
      record.prepare(2),
      ...[us, ap].map((region) => record.seal(2, region, { at: '1:0/10' })),
    ),
    kind: 'complete',
  },
  {
    name: 'catch up when chosen, while the old lease runs out',
    state: withRecords(
      replicaState(),
      record.prepare(2),
      ...[us, ap].map((region) => record.seal(2, region, { at: '1:0/10' })),
    ),
    kind: 'catch-up',
  },
  {
    name: 'judge the own tail as an old primary',
    state: withRecords(
      primaryState({
        tail: { ownEpoch: epoch(1), serverStart: 'start 1', walEnd: lsn(0x100n) },
      }),
      record.prepare(2),
      ...[us, ap].map((region) => record.seal(2, region, { at: '1:0/10' })),
    ),
    kind: 'complete',
  },
] as const;

describe('replication directive', () => {
  for (const { name, state, kind } of rows) {
    it(name, () => {
      assert.equal(directiveOf(trackOpening(state)).kind, kind);
    });
  }

  it('a seed that runs keeps its source; one of other data does not', () => {
    const running = {
      kind: 'seed',
      source: ap,
      epoch: epoch(1),
      position: null,
      recoveredTo: lsn(0x9n),
    } as const;
    const seeding = { database: seedless, replication: replicationOf(running) };
    assert.equal(directiveOf(replicaState(seeding)), running);
    const older = replicationOf({ ...running, recoveredTo: lsn(0x8n) }, { phase: 'done' });
    const next = directiveOf(replicaState({ ...seeding, replication: older }));
    assert.ok(next.kind === 'seed' && next.recoveredTo === 9n && next.source === eu);
  });

  it('an opener completes to the WAL end of its seal', () => {
    const state = withRecords(
      primaryState({ seal: { ...seal, ownEpoch: epoch(1) } }),
      record.prepare(2),
    );
    const directive = directiveOf(trackOpening(state));
    assert.ok(directive.kind === 'complete' && directive.isOpener);
    assert.equal(directive.walEnd, 0x20n);
  });
});
