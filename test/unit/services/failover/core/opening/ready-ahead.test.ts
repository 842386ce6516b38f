import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { step } from '../../../../../../services/failover/core/controller.ts';
import type { ControllerState } from '../../../../../../services/failover/core/controller-state.ts';
import {
  hasVainParts,
  openingEpoch,
  planVainParts,
} from '../../../../../../services/failover/core/opening/ready-ahead.ts';
import {
  planOpening,
  trackOpening,
} from '../../../../../../services/failover/core/promotion-plan.ts';
import { directiveOf } from '../../../../../../services/failover/core/replication-directive.ts';
import type { ControlRecord } from '../../../../../../shared/core/control/control-record.ts';
import {
  ap,
  at,
  databaseOf,
  epoch,
  eu,
  foldAll,
  lsn,
  nowMs,
  primaryState,
  record,
  replicaState,
  replicationOf,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

const switching = record.prepare(2, { change: 'switchover', preferred: us });
const last = record.seal(2, eu, { at: '1:0/10', final: true });
const own = record.seal(2, us, { at: '1:0/10' });
const parts = {
  slots: [{ name: 'meridian_2', isSound: true, isActive: false }],
  publications: ['meridian_2'],
};
const sealed = { fence: { sealedEpoch: 2 } };

/** us-east, its log completed for the seal that it sends. */
function sealing(
  records: readonly ControlRecord[],
  changes: Partial<ControllerState> = {},
): ControllerState {
  const directive = { kind: 'complete', epoch: epoch(1), sealEpoch: epoch(2) } as const;
  const state = replicaState({
    seal: { epoch: epoch(2), drainingSinceMs: null, walEnd: lsn(0x20n), ownEpoch: null },
    database: databaseOf(us, sealed),
    replication: replicationOf(
      { ...directive, isOpener: false, walEnd: null },
      { phase: 'done', store: 'us-east-store', sealedEpoch: 2 },
    ),
    ...changes,
  });
  return trackOpening(withRecords(state, ...records));
}
const announced = {
  announced: { renewals: [], seal: { record: last, isReached: true } },
} as const;
const short = sealing([switching]).replication;

const first = foldAll([record.policy(), record.prepare(1, { preferred: eu })]).state;
const raised = { epoch: epoch(1), drainingSinceMs: null, walEnd: lsn(0x20n), ownEpoch: null };

/** eu-west before the first epoch, its fence raised. */
function opening(changes: Partial<ControllerState> = {}): ControllerState {
  const database = databaseOf(eu, { progress: null });
  return trackOpening(primaryState({ fold: first, database, seal: raised, ...changes }));
}

const rows = [
  { name: 'for the first epoch once the fence is raised', state: opening(), opens: 1 },
  {
    name: 'not for the first epoch before',
    state: opening({ seal: { ...raised, walEnd: null } }),
    opens: null,
  },
  {
    name: 'not for the first epoch where another region is to open it',
    state: trackOpening(replicaState({ fold: first, seal: raised })),
    opens: null,
  },
  { name: 'once the final seal was read', state: sealing([switching, last]), opens: 2 },
  { name: 'once it was announced', state: sealing([switching], announced), opens: 2 },
  { name: 'not before it is known', state: sealing([switching]), opens: null },
  {
    name: 'not by a seal that is not final',
    state: sealing([switching, record.seal(2, eu, { at: '1:0/10' })]),
    opens: null,
  },
  {
    name: 'not while something is lacking up to it',
    state: sealing([switching], {
      ...announced,
      replication: short && { ...short, applied: at('1:0/8') },
    }),
    opens: null,
  },
  {
    name: 'not before the own seal can be told',
    state: sealing([switching, last], { seal: null }),
    opens: null,
  },
  {
    name: 'not in a failover',
    state: sealing([record.prepare(2, { preferred: us }), last]),
    opens: null,
  },
  {
    name: 'not once the role goes back',
    state: sealing([
      switching,
      record.prepare(2, { attempt: 2, change: 'switchover', preferred: eu }),
    ]),
    opens: null,
  },
  { name: 'after the promotion', state: sealing([switching, last, own]), opens: 2 },
  { name: 'as the primary', state: primaryState(), opens: 1 },
  { name: 'not as a replica', state: replicaState(), opens: null },
] as const;

describe('the epoch that is opened or made ready for', () => {
  for (const { name, state, opens } of rows) {
    it(name, () => {
      assert.equal(openingEpoch(state), opens);
    });
  }
});

describe('made ready while the seal travels', () => {
  const planOf = (state: ControllerState): unknown => planOpening(state);
  const node = 'us-east/pg-1';

  it('are publication and slot, sequences, the name; never more', () => {
    const bare = sealing([switching, last]);
    const slot = { kind: 'createPublicationAndSlot', node, epoch: 2 };
    assert.deepEqual(planOf(bare), [slot]);
    const made = { ...bare, database: databaseOf(us, { ...sealed, ...parts }) };
    assert.deepEqual(planOf(made), [{ kind: 'raiseSequences', node }]);
    const opening = bare.opening && { ...bare.opening, areSequencesRaised: true };
    const value = 'meridian_us_east_2';
    const name = { kind: 'setSynchronousStandbyNames', node, value };
    assert.deepEqual(planOf({ ...made, opening }), [name]);
    const named = { ...sealed, ...parts, synchronousStandbyNames: value };
    assert.deepEqual(planOf({ ...made, opening, database: databaseOf(us, named) }), []);
  });

  it('is the same for the first epoch, where nothing waits for the seal to be told', () => {
    const state = opening({ tenure: null, opening: null });
    const slot = { kind: 'createPublicationAndSlot', node: 'eu-west/pg-1', epoch: 1 };
    assert.deepEqual(planOf(state), [slot]);
    const slots = [{ name: 'meridian_1', isSound: true, isActive: false }];
    const made = { progress: null, slots, publications: ['meridian_1'] };
    const value = 'meridian_eu_west_1';
    const name = { kind: 'setSynchronousStandbyNames', node: 'eu-west/pg-1', value };
    const database = databaseOf(eu, made);
    // No sequence is raised: nobody handed out a value before.
    assert.deepEqual(planOf({ ...state, database }), [name]);
  });

  it('counts for the promotion, so that the region leads at once', () => {
    const named = { ...sealed, ...parts, synchronousStandbyNames: 'meridian_us_east_2' };
    const ready = sealing([switching, last], { database: databaseOf(us, named) });
    assert.ok(ready.opening);
    const raised = { ...ready, opening: { ...ready.opening, areSequencesRaised: true } };
    const { state } = read(raised, own);
    assert.equal(state.fold.primary, us);
    assert.deepEqual(state.opening, raised.opening);
    assert.equal(directiveOf(state).kind, 'lead');
  });

  it('does not count where something is lacking up to the cut', () => {
    const ready = sealing([switching, last]);
    const { state } = read(ready, record.seal(2, us, { at: '1:0/18' }));
    assert.equal(state.fold.primary, us);
    assert.equal(state.opening?.hasCut, false);
  });
});

describe('made in vain', () => {
  const passedOver = (changes: Parameters<typeof databaseOf>[1]): ControllerState =>
    withRecords(
      replicaState({ database: databaseOf(us, { ...changes, fence: { sealedEpoch: 2 } }) }),
      record.prepare(2, { preferred: ap }),
      ...[us, ap].map((region) => record.seal(2, region, { at: '1:0/10' })),
    );

  it('is dropped before anything is applied', () => {
    const state = passedOver(parts);
    assert.equal(state.fold.primary, ap);
    assert.deepEqual(planVainParts(state), [
      { kind: 'dropPublicationsAndSlots', node: 'us-east/pg-1' },
    ]);
    assert.equal(directiveOf(state).kind, 'idle');
    assert.equal(directiveOf(passedOver({})).kind, 'follow');
  });

  it('is waited for while it is still being made', () => {
    const running = [
      { id: 1, kind: 'createPublicationAndSlot', key: '', openingId: null, sinceMs: nowMs },
    ] as const;
    assert.ok(hasVainParts({ ...passedOver({}), running }));
  });

  it('is nothing that an old primary still needs, nor under a prepare, nor of the chosen', () => {
    const old = passedOver(parts);
    const database = databaseOf(us, { ...parts, fence: { sealedEpoch: 2, lastOpenedEpoch: 1 } });
    assert.ok(!hasVainParts({ ...old, database }));
    assert.ok(!hasVainParts(withRecords(old, record.prepare(3))));
    assert.ok(!hasVainParts(sealing([switching, last, own])));
  });
});

function read(state: ControllerState, one: ControlRecord): ReturnType<typeof step> {
  const offset = state.nextOffset;
  return step(state, { kind: 'controlRecordRead', nowMs: nowMs + 1, offset, record: one });
}
