import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EffectResult } from '../../../../../../services/failover/core/controller-input.ts';
import type {
  ControllerState,
  RunningEffect,
} from '../../../../../../services/failover/core/controller-state.ts';
import { absorb } from '../../../../../../services/failover/core/turn/hearing.ts';
import { foldControl } from '../../../../../../shared/core/control/control-fold.ts';
import {
  at,
  databaseOf,
  lsn,
  nodeOf,
  nowMs,
  peerOf,
  primaryState,
  record,
  replicaState,
  ap,
  us,
  withRecords,
} from '../../../../../helpers/controllers.ts';

const hear = (state: ControllerState, input: Parameters<typeof absorb>[1]): ControllerState =>
  absorb(state, input, foldControl).state;
const running = (kind: RunningEffect['kind'], changes: Partial<RunningEffect> = {}) => [
  { id: 7, kind, key: kind, openingId: 1, sinceMs: nowMs, ...changes },
];
const finished = (state: ControllerState, result: EffectResult): ControllerState =>
  hear(state, { kind: 'effectFinished', nowMs, id: 7, result });

describe('a node that was taken', () => {
  const taken = (region: string): string | undefined => {
    const fence = { region, incarnation: '' };
    const state = replicaState({
      database: databaseOf(us, { fence }),
      running: running('takeNode'),
    });
    const { database, isDatabaseFresh } = finished(state, { kind: 'none' });
    assert.ok(!isDatabaseFresh);
    return `${String(database?.fence.region)} ${String(database?.fence.incarnation)}`;
  };

  it('is the own one before it is read again', () => {
    assert.deepEqual([taken(''), taken(us)], ['us-east us-east-1', 'us-east us-east-1']);
  });

  it('is not when it was seen to be another region’s', () => {
    assert.equal(taken('ap-south'), 'ap-south ');
  });
});

describe('facts', () => {
  const askedAtMs = nowMs;

  it('asked for before the last effect ended are left out', () => {
    const state = {
      ...replicaState(),
      databaseChangedAtMs: nowMs + 1,
      nodesChangedAtMs: nowMs + 1,
    };
    const facts = databaseOf(us, { timeline: 9 });
    const heard = hear(state, { kind: 'databaseReported', nowMs, askedAtMs, facts, why: '' });
    assert.equal(heard.database?.timeline, 1);
    const nodes = [nodeOf('us-east/pg-9')];
    assert.equal(hear(state, { kind: 'nodesReported', nowMs, askedAtMs, nodes }).nodes.length, 2);
  });

  it('a gap between two inputs is a pause of the own process', () => {
    const state = { ...replicaState(), listeningSinceMs: 5 };
    const since = (gapMs: number): number =>
      hear(state, { kind: 'ticked', nowMs: nowMs + gapMs, wallMs: 0 }).listeningSinceMs;
    assert.equal(since(1000), 5);
    assert.equal(since(1001), nowMs + 1001);
  });

  it('a database that does not answer is lost since it was asked in vain', () => {
    const lost = { kind: 'databaseReported', askedAtMs: nowMs, facts: null, why: 'late' } as const;
    const heardAt = (state: ControllerState, atMs: number): ControllerState =>
      hear({ ...state, nowMs: atMs }, { ...lost, nowMs: atMs });
    const first = heardAt(replicaState(), nowMs + 900);
    const second = hear(first, { ...lost, askedAtMs: nowMs + 1000, nowMs: nowMs + 1500 });
    assert.deepEqual([second.database, second.databaseLostAtMs], [null, nowMs]);
    const paused = heardAt(replicaState({ listeningSinceMs: nowMs + 800 }), nowMs + 900);
    assert.equal(paused.databaseLostAtMs, nowMs + 800);
    const worked = heardAt(replicaState({ databaseChangedAtMs: nowMs + 700 }), nowMs + 900);
    assert.equal(worked.databaseLostAtMs, nowMs + 700);
  });

  it('a replicator fails since it first did, whatever it tries meanwhile', () => {
    const { replication } = primaryState();
    assert.ok(replication);
    const at = (ms: number, phase: 'failed' | 'starting' | 'running') =>
      ({
        kind: 'replicationReported',
        nowMs: nowMs + ms,
        report: { ...replication, phase },
      }) as const;
    const failed = hear(hear(primaryState(), at(1, 'failed')), at(500, 'starting'));
    assert.equal(hear(failed, at(900, 'failed')).replicationFailedAtMs, nowMs + 1);
    assert.equal(hear(failed, at(900, 'running')).replicationFailedAtMs, null);
  });

  it('a replicator is at work until it says that it is not', () => {
    const { replication } = primaryState();
    assert.ok(replication);
    const idle = { ...replication, directive: { kind: 'idle', why: 'a test' } } as const;
    const at = (ms: number, report: typeof replication) =>
      ({ kind: 'replicationReported', nowMs: nowMs + ms, report }) as const;
    const ended = hear(hear(primaryState(), at(1, replication)), at(2, idle));
    assert.equal(ended.replicationWorkedAtMs, nowMs + 2);
    assert.equal(hear(ended, at(3, idle)).replicationWorkedAtMs, nowMs + 2);
  });

  it('a peer’s report replaces its earlier one', () => {
    const { report } = peerOf(ap, { epoch: replicaState().fold.epoch, lagMs: 99 });
    const { peers } = hear(replicaState(), { kind: 'peerReported', nowMs, report });
    assert.deepEqual(peers.map((peer) => [peer.report.id, peer.report.lagMs])[0], [ap, 99]);
    assert.equal(peers.length, 2);
  });
});

describe('effects that end', () => {
  const failing = withRecords(primaryState(), record.prepare(2));
  const sealed = { kind: 'sealed', walEnd: lsn(0x20n) } as const;

  it('the fence counts for its own prepare alone', () => {
    const key = (n: number): ControllerState => ({
      ...failing,
      running: running('sealNode', { key: `sealNode:${n}` }),
    });
    assert.equal(finished(key(2), sealed).seal?.walEnd, 0x20n);
    assert.equal(finished(key(1), sealed).seal, null);
  });

  it('a probe counts for its own opening alone', () => {
    const probed = { kind: 'probed', logEnd: at('1:0/30') } as const;
    const state = (openingId: number): ControllerState =>
      primaryState({ running: running('probeCommit', { openingId }) });
    assert.deepEqual(finished(state(1), probed).opening?.probedAt, at('1:0/30'));
    assert.deepEqual(finished(state(2), probed).opening?.probedAt, at('1:0/0'));
  });

  it('data that are replaced take their promises with them', () => {
    const state = { ...failing, running: running('setAside', { key: 'setAside:eu-west/pg-1' }) };
    const after = finished(state, { kind: 'none' });
    assert.deepEqual([after.seal, after.tenure, after.opening], [null, null, null]);
  });

  it('unknown ones change nothing', () => {
    const state = primaryState();
    assert.deepEqual(finished(state, { kind: 'none' }), state);
  });

  it('a failure is explained', () => {
    const state = primaryState({ running: running('closeNode') });
    const heard = absorb(state, { kind: 'effectFailed', nowMs, id: 7, why: 'no' }, foldControl);
    assert.equal(heard.effects[0]?.kind, 'explain');
  });
});

describe('operators', () => {
  const operation = { id: 'op-1', by: 'ann', reason: 'test', atMs: 1 };

  it('are answered at once, and what they asked is kept until a record shows it', () => {
    const request = { kind: 'pause', durationMs: 1, operation } as const;
    const heard = absorb(
      replicaState(),
      { kind: 'operatorAsked', nowMs, requestId: 'r', request },
      foldControl,
    );
    assert.equal(heard.effects[0]?.kind, 'answerOperator');
    assert.equal(heard.state.asked?.operationId, 'op-1');
    assert.deepEqual(heard.state.declined, []);
  });

  it('a refused request leaves nothing to do, and is kept with its reason', () => {
    const operation = { id: 'op-1', by: 'ann', reason: '', atMs: 1 };
    const request = { kind: 'region', action: 'add', region: ap, operation } as const;
    const input = { kind: 'operatorAsked', nowMs, requestId: 'r', request } as const;
    let state = replicaState();
    for (let times = 0; times < 102; times += 1) state = absorb(state, input, foldControl).state;
    assert.equal(state.asked, null);
    assert.equal(state.declined.length, 100);
    assert.equal(state.declined[0]?.request, request);
    assert.match(state.declined[0]?.why ?? '', /ap-south is a region of this cluster already/);
  });
});
