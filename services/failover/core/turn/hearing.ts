/** Takes in what happened: facts replace older facts, records are folded, effects end. */
import { assertNever } from '../../../../shared/core/assert.ts';
import type { foldControl } from '../../../../shared/core/control/control-fold.ts';
import { laterPosition, type Position } from '../../../../shared/core/position.ts';
import type { ReplicationReport } from '../../../../shared/core/replication-report.ts';
import { halted, readRecord, startFold } from './reading.ts';
import { addStep } from './steps.ts';
import type { EffectBody } from '../controller-effect.ts';
import type { EffectResult, Input } from '../controller-input.ts';
import type { ControllerState, RunningEffect } from '../controller-state.ts';
import { effectEnded } from './issue.ts';
import { memberChangesBetween } from '../members/explain-members.ts';
import { preflight } from '../operator/preflight.ts';
import { nodeOpened, openingProgressed } from '../promotion-plan.ts';
import { sealRaised } from '../seal-plan.ts';
import { hearAnnouncement } from '../relay/announcement.ts';
import { roundTripsKept } from '../relay/log-leader.ts';
import { regionNode } from '../situation.ts';
import { emptyTail } from '../rejoin/tail-note.ts';
import { tailListed } from '../rejoin/divergence.ts';
import { nodeLookedAt, nodeTailListed, oldNodeGone } from '../rejoin/old-node.ts';

/** Longer between two inputs: the process itself did not run. */
const ownPauseMs = 1000;
const declinedKept = 100;

export interface Heard {
  readonly state: ControllerState;
  readonly effects: readonly EffectBody[];
}

/** The state after `input`, before anything is decided on it. */
export function absorb(previous: ControllerState, input: Input, fold: typeof foldControl): Heard {
  const nowMs = Math.max(previous.nowMs, input.nowMs);
  // Ticks come several times a second: a region that paused itself has heard nobody meanwhile.
  const hasPaused = nowMs - previous.nowMs > ownPauseMs;
  const listeningSinceMs = hasPaused ? nowMs : previous.listeningSinceMs;
  const state: ControllerState = { ...previous, nowMs, listeningSinceMs };
  if (state.kind === 'halted') return { state, effects: [] };
  switch (input.kind) {
    case 'started':
      return quiet(startFold({ ...state, startedAtMs: state.nowMs }, null));
    case 'ticked':
      return quiet({ ...state, wallMs: input.wallMs });
    case 'checkpointFound':
      if (state.kind !== 'starting') return quiet(state);
      return withHalt(startFold({ ...state, kind: 'greeting' }, input.checkpoint));
    case 'controlRecordRead':
      return explained(state, withHalt(readRecord(state, input, fold)));
    case 'controlLogUnreadable':
      return withHalt(halted(state, input.why));
    case 'nodesReported':
      return quiet(hearNodes(state, input));
    case 'databaseReported':
      return quiet(hearDatabase(state, input));
    case 'replicationReported':
      return quiet(hearReplication(state, input));
    case 'schemaCompared':
      return quiet({ ...state, schemaDifferences: input.differences });
    case 'peerReported':
      return quiet(hearPeer(state, input));
    case 'recordAnnounced':
      return quiet(hearAnnouncement(state, input.record));
    case 'operatorAsked':
      return hearOperator(state, input);
    case 'effectFinished': {
      const ended = effectEnded(state, input.id, false);
      if (ended.effect === null) return quiet(state);
      return quiet(hearFinished(ended.state, ended.effect, input.result));
    }
    case 'effectFailed': {
      const ended = effectEnded(state, input.id, true);
      return { state: ended.state, effects: explainFailure(ended.effect, input.why) };
    }
    default:
      return assertNever(input);
  }
}

function quiet(state: ControllerState): Heard {
  return { state, effects: [] };
}

function withHalt(state: ControllerState): Heard {
  if (state.kind !== 'halted') return quiet(state);
  return { state, effects: [{ kind: 'halt', why: state.why }] };
}

/** Changes of the members and of K are told as they are read, not again at each start. */
function explained(before: ControllerState, heard: Heard): Heard {
  if (before.kind !== 'running') return heard;
  const told = memberChangesBetween(before.fold, heard.state.fold).map(
    ({ what, ...facts }): EffectBody => ({
      kind: 'explain',
      level: what === 'member removed' || what === 'degraded' ? 'warn' : 'info',
      message: what,
      facts: { ...facts, members: facts.members.join(', '), region: facts.region ?? '' },
    }),
  );
  return { ...heard, effects: [...heard.effects, ...told] };
}

function hearNodes(
  state: ControllerState,
  input: Extract<Input, { kind: 'nodesReported' }>,
): ControllerState {
  if (input.askedAtMs < state.nodesChangedAtMs) return state;
  const { nodes, nowMs } = input;
  return { ...state, nodes, nodesHeardAtMs: nowMs, areNodesFresh: true };
}

function hearDatabase(
  state: ControllerState,
  input: Extract<Input, { kind: 'databaseReported' }>,
): ControllerState {
  const { facts, askedAtMs, nowMs } = input;
  if (facts === null) {
    // It has not answered since it was asked; a pause of this process is not its absence.
    const { listeningSinceMs, databaseChangedAtMs } = state;
    const sinceMs = Math.min(nowMs, Math.max(askedAtMs, listeningSinceMs, databaseChangedAtMs));
    const databaseLostAtMs = state.databaseLostAtMs ?? sinceMs;
    return {
      ...state,
      database: null,
      databaseLostAtMs,
      databaseSilentAtMs: nowMs,
      isDatabaseFresh: true,
    };
  }
  if (askedAtMs < state.databaseChangedAtMs) return state;
  return {
    ...state,
    database: facts,
    databaseHeardAtMs: nowMs,
    databaseAskedAtMs: askedAtMs,
    databaseLostAtMs: null,
    isDatabaseFresh: true,
  };
}

function hearReplication(
  state: ControllerState,
  input: Extract<Input, { kind: 'replicationReported' }>,
): ControllerState {
  const { report, nowMs } = input;
  const isFailed = report.phase === 'failed';
  // It tries again by itself: a retry that starts does not end the failure, progress does.
  const goesOn = report.phase === 'starting' && state.replicationFailedAtMs !== null;
  const isSame = report.directive.kind === state.replication?.directive.kind;
  const since = isSame ? state.replicationFailedAtMs : null;
  const replicationFailedAtMs = isFailed ? (since ?? nowMs) : goesOn ? since : null;
  const worked = [state.replication, report].some((one) => one !== null && isAtWork(one));
  const replicationWorkedAtMs = worked ? nowMs : state.replicationWorkedAtMs;
  const confirmedSeen = laterOf(state.confirmedSeen, confirmedIn(report));
  return {
    ...{ ...state, replication: report, confirmedSeen },
    ...{ replicationWorkedAtMs, replicationFailedAtMs },
  };
}

function confirmedIn({ directive, confirmed }: ReplicationReport): Position | null {
  return directive.kind === 'lead' ? confirmed : null;
}

function laterOf(a: Position | null, b: Position | null): Position | null {
  if (a === null || b === null) return a ?? b;
  return laterPosition(a, b);
}

function isAtWork({ directive, phase }: ReplicationReport): boolean {
  return directive.kind !== 'idle' && phase !== 'failed';
}

function hearPeer(
  state: ControllerState,
  input: Extract<Input, { kind: 'peerReported' }>,
): ControllerState {
  const { report, nowMs } = input;
  const before = state.peers.find((peer) => peer.report.id === report.id)?.roundTripsMs ?? [];
  // A report was made after it was asked for: its age is how long the answer took.
  const roundTripsMs = [...before, report.ageMs].slice(-roundTripsKept);
  const others = state.peers.filter((peer) => peer.report.id !== report.id);
  const peers = [...others, { report, heardAtMs: nowMs, roundTripsMs }].toSorted((a, b) =>
    a.report.id < b.report.id ? -1 : 1,
  );
  return { ...state, peers };
}

function hearOperator(
  state: ControllerState,
  input: Extract<Input, { kind: 'operatorAsked' }>,
): Heard {
  const { requestId, request } = input;
  const checked = preflight(state, request);
  if (checked.kind === 'refused') {
    const declined = [...state.declined, { request, why: checked.why }].slice(-declinedKept);
    const told: EffectBody = { kind: 'answerOperator', requestId, answer: checked };
    return { state: { ...state, declined }, effects: [told] };
  }
  const { record, operationId } = checked;
  const asked = { operationId, record, sinceMs: state.nowMs };
  const answer: EffectBody = {
    kind: 'answerOperator',
    requestId,
    answer: { kind: 'accepted', operationId },
  };
  return { state: { ...state, asked }, effects: [answer] };
}

function hearFinished(
  state: ControllerState,
  effect: RunningEffect,
  result: EffectResult,
): ControllerState {
  const isOfOpening = state.opening !== null && effect.openingId === state.opening.id;
  switch (effect.kind) {
    case 'readControl':
      return { ...state, isReaderStarted: true };
    case 'sealNode': {
      // The fence of an earlier prepare is not the one of this.
      const isThis = effect.key === `sealNode:${state.fold.prepare?.epoch ?? 0}`;
      if (result.kind !== 'sealed' || !isThis) return state;
      return addStep(sealRaised(state, result.walEnd), 'fence raised', '');
    }
    case 'takeNode':
      return nodeTaken(state);
    case 'createPublicationAndSlot':
      return isOfOpening ? addStep(state, 'slot made', '') : state;
    case 'raiseSequences': {
      const raised = { areSequencesRaised: true };
      if (!isOfOpening) return state;
      return addStep(openingProgressed(state, raised), 'sequences raised', '');
    }
    case 'probeCommit': {
      if (result.kind !== 'probed' || !isOfOpening) return state;
      const probed = openingProgressed(state, { probedAt: result.logEnd });
      return addStep(probed, 'probe commit waited', '');
    }
    case 'openNode':
      return isOfOpening ? addStep(nodeOpened(state), 'opened', '') : state;
    case 'promoteNode':
      // Another server: how long the old one was away says nothing of it.
      return { ...dataReplaced(state), database: null, databaseLostAtMs: null };
    case 'seedRegionNode':
    case 'adoptSeed':
      return dataReplaced(state);
    case 'setAside':
      return nodeSetAside(state, effect.key.slice('setAside:'.length));
    case 'setProgress':
      return { ...state, tailFound: emptyTail(state) ?? state.tailFound };
    case 'listTail':
      return tailListed(state, result);
    case 'lookAtNode':
      return nodeLookedAt(state, result);
    case 'listNodeTail':
      return nodeTailListed(state, result);
    case 'writeCheckpoint':
      return { ...state, checkpointWrittenAtMs: state.nowMs };
    default:
      return state;
  }
}

/** What was written is known: the seal of an open prepare need not wait for it to be read. */
function nodeTaken(state: ControllerState): ControllerState {
  const { database, config } = state;
  const { region, incarnation } = config;
  if (database === null || !['', region].includes(database.fence.region)) return state;
  return { ...state, database: { ...database, fence: { ...database.fence, region, incarnation } } };
}

/** Its failures were those of the data before; a standby changes nothing of the own node. */
function nodeSetAside(state: ControllerState, node: string): ControllerState {
  const kinds = ['startNode', 'isolate', 'lookAtNode', 'listNodeTail'];
  const none = Object.fromEntries(kinds.map((kind) => [`${kind}:${node}`, 0]));
  const next = oldNodeGone({ ...state, failures: { ...state.failures, ...none } }, node);
  return node === regionNode(state) ? dataReplaced(next) : next;
}

/** What was promised, opened or judged on the data before is not so on these. */
function dataReplaced(state: ControllerState): ControllerState {
  const nothing = { seal: null, tail: null, opening: null, tenure: null, confirmedSeen: null };
  return { ...state, ...nothing };
}

function explainFailure(effect: RunningEffect | null, why: string): readonly EffectBody[] {
  if (effect === null) return [];
  const facts = { effect: effect.key, why };
  return [{ kind: 'explain', level: 'warn', message: 'effect failed', facts }];
}
