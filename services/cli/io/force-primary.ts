/**
 * A failover that a person lets lose data: first without force, and only when the seals that would
 * prove it safe do not come, with force, after what is lost was shown.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { isMeridianError } from '../../../shared/errors/meridian-error.ts';
import { renderFacts } from '../core/facts-view.ts';
import { renderStep } from '../core/operation-view.ts';
import type { AdminApi } from './admin-api.ts';
import { operationSchema, type Operation, type OperationStep } from './admin-schema.ts';
import type { Context } from './context.ts';
import { awaitOperation } from './operation.ts';

/** How long the unforced attempt is given to be met. */
const patienceMs = 6000;
const askAgainMs = 1000;

export interface ForcedFailover {
  readonly id: string;
  readonly path: string;
  readonly to: string;
  readonly reason: string;
  readonly timeoutMs: number;
}

/** The ended operation, forced or not; null when it still runs after `timeoutMs`. */
export async function followOrForce(
  context: Context,
  admin: AdminApi,
  asked: ForcedFailover,
): Promise<Operation | null> {
  const { terminal } = context;
  const deadlineMs = performance.now() + asked.timeoutMs;
  const leftMs = (): number => Math.max(0, deadlineMs - performance.now());
  const onStep = eachOnce((step) => terminal.say(renderStep(step)));
  const { id } = asked;
  const first = { id, timeoutMs: Math.min(patienceMs, leftMs()) };
  const unforced = await awaitOperation(admin, first, onStep());
  if (unforced !== null) return unforced;
  let said = '';
  let isForced = false;
  while (!isForced && leftMs() > 0) {
    const why = await force(context, admin, asked);
    isForced = why === null;
    if (why !== null && why !== said) terminal.say(why);
    said = why ?? said;
    const ended = await awaitOperation(admin, { id, timeoutMs: askAgainMs / 2 }, onStep());
    if (ended !== null) return ended;
    if (!isForced) await sleep(askAgainMs / 2);
  }
  return awaitOperation(admin, { id, timeoutMs: leftMs() }, onStep());
}

/** Null when it was accepted, else why not yet. */
async function force(
  { terminal }: Context,
  admin: AdminApi,
  { path, to, reason }: ForcedFailover,
): Promise<string | null> {
  const body = { kind: 'failover', to, reason, force: true, acceptDataLoss: true };
  const ask = { path, idempotencyKey: randomUUID() };
  const shown = await admin.post({ ...ask, body: { ...body, dryRun: true } }, planSchema);
  if (!shown.allowed) return `not forced yet: ${shown.why}`;
  terminal.say(`no proof that nothing is lost: forced to ${to}\n${renderFacts(shown.loss)}`);
  try {
    await admin.post({ ...ask, body: { ...body, dryRun: false } }, operationSchema);
    return null;
  } catch (error) {
    if (isMeridianError(error, 'OperationRunning')) return `not forced yet: ${error.message}`;
    throw error;
  }
}

const planSchema = z.looseObject({
  allowed: z.boolean(),
  why: z.string(),
  loss: z.record(z.string(), z.unknown()).default({}),
});

/** The steps of an operation begin anew with each time it is followed. */
function eachOnce(show: (step: OperationStep) => void): () => (step: OperationStep) => void {
  let shown = 0;
  return () => {
    let seen = 0;
    return (step) => {
      seen += 1;
      if (seen <= shown) return;
      shown = seen;
      show(step);
    };
  };
}
