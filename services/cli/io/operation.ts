/** Follows an operation of the controller to its end, on any live region. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import { CliError } from '../core/cli-error.ts';
import { endOf, newSteps, renderStep } from '../core/operation-view.ts';
import type { AdminApi } from './admin-api.ts';
import { operationSchema, type Operation, type OperationStep } from './admin-schema.ts';
import type { Context } from './context.ts';

const pollEveryMs = 150;

export interface FollowOptions {
  readonly id: string;
  readonly timeoutMs: number;
}

/**
 * Resolves with the ended operation, or with null when it still runs after `timeoutMs`. A region
 * that falls silent meanwhile is replaced by another one.
 */
export async function awaitOperation(
  admin: AdminApi,
  options: FollowOptions,
  onStep: (step: OperationStep) => void = () => undefined,
): Promise<Operation | null> {
  const deadlineMs = performance.now() + options.timeoutMs;
  let shown = 0;
  while (performance.now() < deadlineMs) {
    const operation = await admin
      .get(`/admin/operations/${encodeURIComponent(options.id)}`, operationSchema)
      .catch(silenceOrThrow);
    if (operation !== null) {
      newSteps(shown, operation.steps).forEach(onStep);
      shown = Math.max(shown, operation.steps.length);
      if (endOf(operation.phase) !== null) return operation;
    }
    await sleep(pollEveryMs);
  }
  return null;
}

/** The same, with each step shown as it happens. */
export async function followOperation(
  context: Context,
  admin: AdminApi,
  options: FollowOptions,
): Promise<Operation | null> {
  const { terminal } = context;
  return awaitOperation(admin, options, (step) => terminal.say(renderStep(step)));
}

/** While the primary changes a region may be silent, or not know the operation yet. */
function silenceOrThrow(error: unknown): null {
  const isPassing =
    error instanceof CliError ||
    isMeridianError(error, 'UpstreamUnavailable') ||
    (isMeridianError(error) && [404, 502, 503, 504].includes(Number(error.details['httpStatus'])));
  if (isPassing) return null;
  throw error;
}
