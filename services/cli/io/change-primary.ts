/** A change of the primary region: asks for it, shows its steps and what was measured. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { CliError, usageError } from '../core/cli-error.ts';
import { parseDuration } from '../core/duration.ts';
import { exitCodes } from '../core/exit-code.ts';
import { renderFacts } from '../core/facts-view.ts';
import { endOf } from '../core/operation-view.ts';
import { statusDocument, type StatusDocument } from '../core/status-document.ts';
import { renderStatus } from '../core/status-view.ts';
import { nothingRuns, type AdminApi } from './admin-api.ts';
import { operationSchema, outcomeOf, type Operation } from './admin-schema.ts';
import { openAdmin, type Context } from './context.ts';
import { followOrForce } from './force-primary.ts';
import { followOperation } from './operation.ts';

export interface ChangeRequest {
  readonly kind: 'switchover' | 'failover';
  readonly to: string | null;
  readonly reason: string;
  readonly dryRun: boolean;
  readonly timeout: string;
  /** Forced when nothing proves that nothing is lost; needs `to`. */
  readonly acceptDataLoss?: boolean;
  /** False: returns once the operation has begun. */
  readonly isAwaited?: boolean;
}

/** Resolves when the change is done; throws CliError (exit 1, 3 or 4) otherwise. */
export async function changePrimary(context: Context, request: ChangeRequest): Promise<void> {
  const timeoutMs = parseDuration(request.timeout);
  if (timeoutMs === null) throw usageError(`--timeout ${request.timeout} is no duration.`);
  const admin = openAdmin(
    context,
    request.acceptDataLoss === true ? 'admin:admin' : 'admin:operator',
  );
  try {
    const before = await currentStatus(admin);
    checkTarget(before, request);
    if (!context.isJson) context.terminal.say(renderStatus(before));
    const from = before.primary ?? before.regions[0]?.id ?? '';
    const path = `/admin/regions/${encodeURIComponent(from)}/failover`;
    const call = { path, body: bodyOf(request), idempotencyKey: randomUUID() };
    if (request.dryRun) {
      const plan = await admin.post(call, z.record(z.string(), z.unknown()));
      context.terminal.out(context.isJson ? JSON.stringify(plan, null, 2) : renderFacts(plan));
      return;
    }
    const startedMs = performance.now();
    const begun = await admin.post(call, operationSchema);
    if (request.isAwaited === false) {
      context.terminal.out(context.isJson ? JSON.stringify(begun, null, 2) : begun.id);
      return;
    }
    const { id } = begun;
    const { to, reason } = request;
    const ended =
      request.acceptDataLoss === true && to !== null
        ? await followOrForce(context, admin, { id, path, to, reason, timeoutMs })
        : await followOperation(context, admin, { id, timeoutMs });
    const tookMs = performance.now() - startedMs;
    await report(context, admin, { begun, ended, tookMs });
  } finally {
    await admin.close();
  }
}

/** Force is asked for later, and in a dry run at once: that tells what would be lost. */
function bodyOf(request: ChangeRequest): Record<string, unknown> {
  const { kind, to, reason, dryRun, acceptDataLoss } = request;
  const isForcedPlan = dryRun && acceptDataLoss === true;
  const force = isForcedPlan ? { force: true, acceptDataLoss } : {};
  return { kind, ...(to === null ? {} : { to }), reason, dryRun, ...force };
}

async function report(
  context: Context,
  admin: AdminApi,
  { begun, ended, tookMs }: { begun: Operation; ended: Operation | null; tookMs: number },
): Promise<void> {
  if (ended === null) {
    throw new CliError(`The operation ${begun.id} still runs.`, {
      exitCode: exitCodes.stillRunning,
      hint: 'See it with: npx meridian status',
    });
  }
  if (endOf(ended.phase) === 'failed') {
    throw new CliError(`The operation ${ended.id} ended as ${ended.phase}: ${outcomeOf(ended)}.`, {
      hint: 'Who is primary now: npx meridian status',
    });
  }
  if (context.isJson) {
    context.terminal.out(JSON.stringify(ended, null, 2));
    return;
  }
  context.terminal.say(renderFacts({ ...ended.result, tookMs }));
  context.terminal.out(renderStatus(await currentStatus(admin), context.terminal.paint));
}

async function currentStatus(admin: AdminApi): Promise<StatusDocument> {
  const { listed, answers } = await admin.regions();
  const status = statusDocument(listed, answers);
  if (status === null) throw nothingRuns(listed);
  return status;
}

function checkTarget(status: StatusDocument, request: ChangeRequest): void {
  if (request.to === null) return;
  if (!status.regions.some((region) => region.id === request.to)) {
    const known = status.regions.map((region) => region.id).join(', ');
    throw usageError(`There is no region ${request.to}.`, `Regions: ${known}`);
  }
  if (request.kind === 'switchover' && request.to === status.primary) {
    throw usageError(`${request.to} is the primary already.`);
  }
}
