/** An operation as people read it: phases, steps with their time since it began, the result. */
import { createHash } from 'node:crypto';
import type { Promotion } from '../../../shared/core/control/control-state.ts';
import { formatPosition } from '../../../shared/core/position.ts';
import { operationView, type OperationView } from '../core/operation-view.ts';
import type { ControllerAccess } from './controller-access.ts';
import { aftermathOf } from './history-json.ts';

export interface ShownOperation {
  readonly id: string;
  readonly phase: string;
  readonly percent: number;
  readonly startedAt: string | null;
  readonly by: string | null;
  readonly reason: string | null;
  readonly steps: readonly {
    readonly name: string;
    readonly atMs: number;
    readonly detail: string;
  }[];
  readonly result: Readonly<Record<string, string | number | null>> | null;
}

const phases = {
  'waiting-for-seals': 'waiting-for-seals',
  opening: 'opening',
  done: 'done',
  replaced: 'abandoned',
  refused: 'refused',
  unknown: 'unknown',
} as const satisfies Record<OperationView['phase'], string>;

/** The operation `id`, or null when no record that this region has read names it. */
export function showOperation(access: ControllerAccess, id: string): ShownOperation | null {
  const view = operationView(access.state(), id);
  if (view === null) return null;
  const beganAtMs = view.steps[0]?.atMs ?? 0;
  return {
    id,
    phase: wasAbandoned(access, id) ? 'abandoned' : phases[view.phase],
    percent: view.percent,
    startedAt: new Date(view.askedAtMs).toISOString(),
    by: view.by,
    reason: view.reason,
    steps: view.steps.map(({ step, detail, atMs }) => ({
      name: step,
      atMs: Math.round(atMs - beganAtMs),
      detail,
    })),
    result: view.result === null ? null : resultOf(access, view),
  };
}

/** A switchover that could not complete in its bound: an attempt gave the role back. */
function wasAbandoned(access: ControllerAccess, id: string): boolean {
  const promotion = promotionOf(access, id);
  return promotion?.change === 'switchover' && promotion.to === promotion.from;
}

function resultOf(access: ControllerAccess, view: OperationView): ShownOperation['result'] {
  const promotion = promotionOf(access, view.id);
  const { epoch, to, result } = view;
  if (promotion === undefined) return { why: result, to, epoch };
  const cut = formatPosition(promotion.cut);
  const { pauseMs, rowsLost } = aftermathOf(promotion, access.state().fold.notes);
  const lost = promotion.isForced || rowsLost !== null ? { rowsLost } : {};
  return { why: result, from: promotion.from, to, epoch, cut, writePauseMs: pauseMs, ...lost };
}

function promotionOf(access: ControllerAccess, id: string): Promotion | undefined {
  return access.view().history.findLast((one) => one.operation?.id === id);
}

/** An operation that was accepted a moment ago: its record has not been read back yet. */
export function requestedOperation(id: string): ShownOperation {
  const nothing = { startedAt: null, by: null, reason: null, steps: [], result: null };
  return { id, phase: 'requested', percent: 0, ...nothing };
}

export function hasEnded(operation: ShownOperation): boolean {
  return ['done', 'abandoned', 'refused'].includes(operation.phase);
}

/** What a request asks for, as far as its repetition has to be the same. */
export interface KeyedRequest {
  readonly clusterId: string;
  readonly subject: string;
  readonly key: string;
  /** Path and body. */
  readonly content: unknown;
}

/**
 * The same key of the same caller names the same operation in every region. Its last part tells
 * what was asked for, so that another request under the key is known as such.
 */
export function operationIdOf({ clusterId, subject, key, content }: KeyedRequest): string {
  const name = hashOf([clusterId, subject, key]);
  return [name.slice(0, 8), name.slice(8, 12), `8${name.slice(13, 16)}`, `8${name.slice(17, 20)}`]
    .concat(hashOf(content).slice(0, contentDigits))
    .join('-');
}

/** Whether `id` was made from the same key for another request than `other`. */
export function isOtherRequest(id: string, other: string): boolean {
  return id !== other && id.slice(0, -contentDigits) === other.slice(0, -contentDigits);
}

const contentDigits = 12;

function hashOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
