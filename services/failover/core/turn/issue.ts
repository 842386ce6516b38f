/**
 * Which of the planned effects go out now. One effect at a time in the lanes of the database and
 * the nodes, then fresh facts before the next; a record that was sent or an effect that failed is
 * not asked for again before a while.
 */
import type { ControlRecord } from '../../../../shared/core/control/control-record.ts';
import { laneOf, type Effect, type EffectBody, type Lane } from '../controller-effect.ts';
import type { ControllerState, RunningEffect } from '../controller-state.ts';
import { renewalSent } from '../lease-keeper.ts';
import { prepareSent } from './steps.ts';

/** After a record was sent: time to read it back. */
const resendMs = { hello: 2000, policy: 2000, prepare: 1500, seal: 1500, member: 1000 } as const;
const defaultResendMs = 1000;
/** After a failure of an effect. */
const retryMs: Readonly<Record<Lane, number>> = {
  control: 200,
  log: 500,
  node: 1000,
  sql: 250,
  fence: 100,
  local: 0,
};

/** Gives each effect that may go out its id and notes that it runs. */
export function issue(
  state: ControllerState,
  bodies: readonly EffectBody[],
): { readonly state: ControllerState; readonly effects: readonly Effect[] } {
  let current = state;
  const effects: Effect[] = [];
  for (const body of bodies) {
    if (!mayGoOut(current, body)) continue;
    const id = current.nextEffectId;
    effects.push({ ...body, id });
    current = noteOut({ ...current, nextEffectId: id + 1 }, body, id);
  }
  return { state: current, effects };
}

/** Notes that effect `id` ended; a failed one is left alone for a while. */
export function effectEnded(
  state: ControllerState,
  id: number,
  isFailed: boolean,
): { readonly state: ControllerState; readonly effect: RunningEffect | null } {
  const effect = state.running.find((one) => one.id === id) ?? null;
  if (effect === null) return { state, effect };
  const running = state.running.filter((one) => one.id !== id);
  const lane = laneOf[effect.kind];
  const isSend = lane === 'control' && !isFailed;
  const until = isFailed ? state.nowMs + retryMs[lane] : null;
  const notBefore =
    until === null || isSend ? state.notBefore : { ...state.notBefore, [effect.key]: until };
  const count = isFailed ? (state.failures[effect.key] ?? 0) + 1 : 0;
  const failures = { ...state.failures, [effect.key]: count };
  let next: ControllerState = { ...state, running, notBefore, failures };
  if (changesDatabase(effect)) {
    next = { ...next, databaseChangedAtMs: state.nowMs, isDatabaseFresh: false };
  }
  // A node that the agent worked on may be another one now.
  if (lane === 'node') next = { ...next, nodesChangedAtMs: state.nowMs, areNodesFresh: false };
  return { state: next, effect };
}

function changesDatabase(effect: RunningEffect): boolean {
  const lane = laneOf[effect.kind];
  // Neither changes what is asked of the database.
  if (effect.kind === 'writeCheckpoint' || effect.kind === 'probeCommit') return false;
  return lane === 'sql' || lane === 'fence' || lane === 'node';
}

function mayGoOut(state: ControllerState, body: EffectBody): boolean {
  const lane = laneOf[body.kind];
  if (lane === 'local') return true;
  const key = keyOf(body);
  if ((state.notBefore[key] ?? -Infinity) > state.nowMs) return false;
  const isBusy = (...lanes: readonly Lane[]): boolean =>
    state.running.some((one) => lanes.includes(laneOf[one.kind]));
  switch (lane) {
    case 'control':
      // A stalled log is not filled with renewals that would be old when they arrive.
      return state.running.filter((one) => one.key === key).length < (isRenewal(body) ? 2 : 1);
    case 'log':
      return !isBusy('log');
    case 'node':
      return state.areNodesFresh && !isBusy('node');
    case 'sql':
      return state.isDatabaseFresh && !isBusy('sql', 'fence');
    case 'fence':
      // The fence waits for nothing but itself.
      return !isBusy('fence');
    default:
      return lane satisfies never;
  }
}

function noteOut(state: ControllerState, body: EffectBody, id: number): ControllerState {
  const { kind } = body;
  if (laneOf[kind] === 'local') return state;
  const key = keyOf(body);
  const openingId = state.opening?.id ?? null;
  const running = [...state.running, { id, kind, key, openingId, sinceMs: state.nowMs }];
  if (kind !== 'appendControl') return openingChangedBy({ ...state, running }, body, id);
  const { record } = body;
  if (record.kind === 'renew') return renewalSent({ ...state, running }, record.seq);
  const waitMs = resendMs[record.kind as keyof typeof resendMs] ?? defaultResendMs;
  const notBefore = { ...state.notBefore, [key]: state.nowMs + waitMs };
  const sent: ControllerState = { ...state, running, notBefore };
  return record.kind === 'prepare' ? prepareSent(sent, record) : sent;
}

/** Whatever closes the node or changes what a COMMIT waits for makes an earlier probe worthless. */
function openingChangedBy(state: ControllerState, body: EffectBody, id: number): ControllerState {
  const { kind } = body;
  const isChange =
    kind === 'closeNode' || kind === 'sealNode' || kind === 'setSynchronousStandbyNames';
  if (!isChange || state.opening === null) return state;
  return { ...state, opening: { ...state.opening, id, probedAt: null } };
}

function isRenewal(body: EffectBody): boolean {
  return body.kind === 'appendControl' && body.record.kind === 'renew';
}

/** Effects of one key are the same wish: one at a time. */
function keyOf(body: EffectBody): string {
  if (body.kind === 'sealNode') return `sealNode:${body.epoch}`;
  switch (body.kind) {
    case 'startNode':
      return `${body.mode === 'isolated' ? 'isolate' : 'startNode'}:${body.node}`;
    case 'setAside':
    case 'lookAtNode':
    case 'listNodeTail':
      return `${body.kind}:${body.node}`;
    case 'appendControl':
      return recordKey(body.record);
    default:
      return body.kind;
  }
}

/** `notBefore` and `running` know a record's wish by this. */
export function recordKey(record: ControlRecord): string {
  switch (record.kind) {
    case 'prepare':
      return `prepare:${record.epoch}:${record.attempt}`;
    case 'seal':
      return `seal:${record.epoch}`;
    case 'member':
    case 'degrade':
      return `members:${record.epoch}:${record.version}`;
    default:
      return record.kind;
  }
}
