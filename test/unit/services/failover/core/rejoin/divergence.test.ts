import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import {
  planQuarantine,
  tailListed,
} from '../../../../../../services/failover/core/rejoin/divergence.ts';
import { planNotes } from '../../../../../../services/failover/core/rejoin/tail-note.ts';
import {
  ap,
  at,
  databaseOf,
  epoch,
  eu,
  nodeOf,
  peerOf,
  record,
  replicaState,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

/** ap-south applied up to 1:0/10; epoch 2 began in us-east at 1:0/8, forced or not. */
function quarantined(changes: Partial<ControllerState> = {}, isForced = false): ControllerState {
  const base = replicaState({
    config: { ...replicaState().config, region: ap },
    database: databaseOf(ap),
    role: 'quarantined',
    nodes: [nodeOf('ap-south/pg-1'), nodeOf('ap-south/pg-2')],
    peers: [peerOf(eu, { epoch: epoch(2) }), peerOf(us, { role: 'primary', epoch: epoch(2) })],
  });
  const ended = isForced
    ? [
        record.prepare(2),
        record.seal(2, us, { at: '1:0/8' }),
        record.prepare(2, {
          attempt: 2,
          preferred: us,
          force: { acceptDataLoss: true, seals: [{ region: us, position: at('1:0/8') }] },
        }),
      ]
    : [
        record.prepare(2, { preferred: us }),
        record.seal(2, us, { at: '1:0/8' }),
        record.seal(2, eu, { at: '1:0/8', final: true }),
      ];
  return { ...withRecords(base, ...ended), ...changes };
}

const listed = { kind: 'tailListed', transactions: 2, rows: 5, isListed: true } as const;

describe('a quarantined region', () => {
  it('lists its tail first, at the open primary', () => {
    const [effect, ...others] = planQuarantine(quarantined());
    assert.ok(effect?.kind === 'listTail');
    assert.deepEqual(others, []);
    assert.deepEqual([effect.epoch, effect.after, effect.upTo], [2, at('1:0/8'), at('1:0/10')]);
    assert.deepEqual(effect.target, { region: us, node: 'us-east/pg-1' });
    assert.equal(effect.mayBeConfirmed, false);
  });

  it('says that confirmed writes can be among it only after a forced failover', () => {
    const [effect] = planQuarantine(quarantined({ confirmedSeen: at('1:0/9') }, true));
    assert.ok(effect?.kind === 'listTail');
    assert.equal(effect.mayBeConfirmed, true);
    assert.deepEqual(effect.confirmedUpTo, at('1:0/9'));
  });

  it('keeps its data as long as nobody is open to list them', () => {
    const replica = [peerOf(us, { role: 'promoting', epoch: epoch(2) })];
    for (const peers of [[], replica]) assert.deepEqual(planQuarantine(quarantined({ peers })), []);
  });

  it('tells what it found, and keeps its data until that is read back', () => {
    const found = tailListed(quarantined(), listed);
    assert.deepEqual(planQuarantine(found), []);
    const [note] = planNotes(found);
    assert.ok(note?.kind === 'appendControl');
    const told = withRecords(found, note.record);
    assert.deepEqual(planNotes(told), []);
    assert.deepEqual(planQuarantine(told), [{ kind: 'setAside', node: 'ap-south/pg-2' }]);
    assert.deepEqual(planQuarantine(withRecords(told, record.prepare(3))), []);
  });

  it('lists again after a restart, and tells it once', () => {
    const found = tailListed(quarantined(), listed);
    const [note] = planNotes(found);
    assert.ok(note?.kind === 'appendControl');
    const restarted = { ...withRecords(found, note.record), tailFound: null };
    assert.equal(planQuarantine(restarted)[0]?.kind, 'listTail');
    const again = tailListed(restarted, listed);
    assert.deepEqual(planNotes(again), []);
    assert.equal(planQuarantine(again)[0]?.kind, 'setAside');
  });

  it('goes on without the rows when its log never yields them', () => {
    const [effect] = planQuarantine(quarantined({ failures: { listTail: 60 } }));
    assert.ok(effect?.kind === 'listTail');
    assert.deepEqual([effect.after, effect.upTo], [null, null]);
  });
});
