/** Asks every plan what is to be done now, in order of urgency: fence, seal, lease, the rest. */
import { maxRules } from '../../../../shared/core/control/control-fold.ts';
import type { EffectBody } from '../controller-effect.ts';
import type { ControllerState } from '../controller-state.ts';
import { detectFailure } from '../failure-detector.ts';
import { planLease } from '../lease-keeper.ts';
import { decideK } from '../members/confirming.ts';
import { planAhead } from '../members/ahead.ts';
import { decideMembers } from '../members/member-plan.ts';
import { planNodes } from '../node-plan.ts';
import { planVainParts } from '../opening/ready-ahead.ts';
import { planOpening } from '../promotion-plan.ts';
import { planQuarantine } from '../rejoin/divergence.ts';
import { planOverrun } from '../rejoin/overrun.ts';
import { planRejoin } from '../rejoin/rejoin-plan.ts';
import { planNotes } from '../rejoin/tail-note.ts';
import { refuse } from './reading.ts';
import { planSeal, sealDuty } from '../seal-plan.ts';
import { isChosen, isDoorOpen, ownDatabase, regionNode, regionNodeState } from '../situation.ts';

export interface Planned {
  readonly state: ControllerState;
  readonly effects: readonly EffectBody[];
}

/** How long a start may wait for the own node before it looks for a checkpoint elsewhere. */
const checkpointPatienceMs = 15_000;
/** How long a request of an operator is sent again while no record shows it. */
const askedForMs = 10_000;

/** Every effect that is due; `issue` holds back what runs already. */
export function planAll(state: ControllerState): Planned {
  if (state.kind === 'halted') return { state, effects: [] };
  const members = planMembers(state);
  const asked = planAsked(members.state);
  const effects = [
    ...planFence(state),
    ...planSeal(state),
    ...planAhead(state),
    ...planLease(state),
    ...planStart(state),
    ...planPolicy(state),
    ...asked.effects,
    ...planFailover(state),
    ...members.effects,
    ...planK(members.state),
    ...planNotes(state),
    ...planNodes(state),
    ...planRejoin(state),
    ...planQuarantine(state),
    ...planOverrun(state),
    ...planVainParts(state),
    ...planOpening(state),
    ...planCheckpoint(state),
  ];
  return { state: asked.state, effects };
}

/** Closes what is open although the region is not primary; names stay closed elsewhere. */
function planFence(state: ControllerState): readonly EffectBody[] {
  const { role, kind } = state;
  const database = ownDatabase(state);
  if (database === null || role === 'primary' || role === 'draining') return [];
  if (kind === 'running' && sealDuty(state) === 'seal') return [];
  const isOpening = state.running.some((effect) => effect.kind === 'openNode');
  const node = regionNode(state);
  if (isDoorOpen(state) && !isOpening) {
    return [{ kind: 'closeNode', node, why: `the region is ${role}: ${state.why}` }];
  }
  // Chosen, it may be ready ahead of its role.
  const isFollower =
    (role === 'replica' || role === 'catching-up' || role === 'rejoining') && !isChosen(state);
  const closed = 'meridian_closed';
  if (isFollower && database.synchronousStandbyNames !== closed) {
    return [{ kind: 'setSynchronousStandbyNames', node, value: closed }];
  }
  return [];
}

/** Checkpoint, reader, hello: nothing else happens before the hello is read back. */
function planStart(state: ControllerState): readonly EffectBody[] {
  const { kind, nowMs, startedAtMs, config, isReaderStarted, nextOffset } = state;
  if (kind === 'starting') {
    const node = regionNodeState(state);
    const isWithoutData = node !== null && node.data !== 'ready';
    const isPatient = nowMs - startedAtMs < checkpointPatienceMs;
    const isDue = state.database !== null || isWithoutData || !isPatient;
    return isDue ? [{ kind: 'findCheckpoint' }] : [];
  }
  if (kind !== 'greeting') return [];
  if (!isReaderStarted) return [{ kind: 'readControl', from: nextOffset }];
  const { region, incarnation } = config;
  const node = state.nodesHeardAtMs === null ? null : regionNode(state);
  return [
    { kind: 'appendControl', record: { kind: 'hello', region, incarnation, maxRules, node } },
  ];
}

/** Configuration only proposes a policy: the first one, when there is none. */
function planPolicy(state: ControllerState): readonly EffectBody[] {
  const { fold, config, kind } = state;
  if (kind !== 'running' || fold.policy !== null) return [];
  const policy = { ...config.policy, version: 1, rules: 1 };
  return [{ kind: 'appendControl', record: { kind: 'policy', policy } }];
}

function planAsked(state: ControllerState): Planned {
  const { asked, nowMs, fold } = state;
  if (asked === null) return { state, effects: [] };
  const { record } = asked;
  // A further attempt has the id of the operation that runs: its number tells them apart.
  const isShown = fold.operations.some(
    (one) =>
      one.operation.id === asked.operationId &&
      (record.kind !== 'prepare' || (one.epoch === record.epoch && one.attempt === record.attempt)),
  );
  if (isShown) return { state: { ...state, asked: null }, effects: [] };
  if (nowMs - asked.sinceMs > askedForMs) {
    const label = 'operation' in record ? record.operation : null;
    const left: ControllerState = { ...state, asked: null };
    const why = 'its record was not read within 10 s; it may still come';
    return { state: label === null ? left : refuse(left, label, why), effects: [] };
  }
  return { state, effects: [{ kind: 'appendControl', record: asked.record }] };
}

function planFailover(state: ControllerState): readonly EffectBody[] {
  const proposal = detectFailure(state);
  return proposal === null ? [] : [{ kind: 'appendControl', record: proposal.record }];
}

function planMembers(state: ControllerState): Planned {
  const decision = decideMembers(state);
  switch (decision.kind) {
    case 'keep':
      return { state, effects: [] };
    case 'append': {
      const { record } = decision;
      const isRemoval = record.kind === 'member' && record.action === 'remove';
      const removing =
        isRemoval && state.removing !== null ? { ...state.removing, isSent: true } : state.removing;
      return { state: { ...state, removing }, effects: [{ kind: 'appendControl', record }] };
    }
    case 'startRemoving': {
      const { region, why } = decision;
      const explanation: EffectBody = {
        kind: 'explain',
        level: 'warn',
        message: 'member is no longer counted',
        facts: { region, why },
      };
      return { state: { ...state, removing: { region, isSent: false } }, effects: [explanation] };
    }
    case 'stopRemoving':
      return { state: { ...state, removing: null }, effects: [] };
    default:
      return decision satisfies never;
  }
}

function planK(state: ControllerState): readonly EffectBody[] {
  const decision = decideK(state);
  return decision === null ? [] : [{ kind: 'appendControl', record: decision.record }];
}

function planCheckpoint(state: ControllerState): readonly EffectBody[] {
  const { fold, nextOffset, config, nowMs } = state;
  const own = ownDatabase(state);
  if (state.kind !== 'running' || own === null || fold.prepare !== null) return [];
  if (own.fence.incarnation !== config.incarnation) return [];
  if (nowMs - state.checkpointWrittenAtMs < config.checkpointIntervalMs) return [];
  return [
    { kind: 'writeCheckpoint', node: regionNode(state), checkpoint: { nextOffset, state: fold } },
  ];
}
