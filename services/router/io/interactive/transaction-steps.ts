/** The statements that the router puts around an interactive transaction. */
import { createHash } from 'node:crypto';
import type { DataRequest, StatementResult } from '../../../../shared/ports/data-access.ts';
import type { ExchangeStep } from '../sql/exchange.ts';
import { claimedReplyStep, identityOf, roleStep } from '../sql/idempotency.ts';
import { lookStep } from '../sql/node-look.ts';
import { beginStep, settingsStep } from '../sql/session-steps.ts';

export interface OpeningBounds {
  /** Of each statement on the server, should the router not end it before. */
  readonly statementTimeoutMs: number;
  /** Between statements, should the router be gone. */
  readonly idleTimeoutMs: number;
}

/** BEGIN, settings and look; the look is the last. */
export function openingSteps(request: DataRequest, bounds: OpeningBounds): ExchangeStep[] {
  const { caller, durability, requestId } = request;
  const { statementTimeoutMs } = bounds;
  const sql = `SELECT set_config('idle_in_transaction_session_timeout', $1, true)`;
  return [
    beginOf(request),
    settingsStep({ caller, durability, requestId, statementTimeoutMs }),
    { sql, values: [String(bounds.idleTimeoutMs)], isConstant: true },
    lookStep,
  ];
}

/** Read committed unless asked otherwise, read-only ones too: as PostgreSQL has it. */
function beginOf({ isolation, isReadOnly, caller }: DataRequest): ExchangeStep {
  return beginStep({
    isolation: isolation ?? 'read committed',
    isReadOnly: isReadOnly || !caller.canWrite,
  });
}

/** Takes the key of the COMMIT with its outcome, as the router, in the same transaction. */
export function keySteps(begun: DataRequest, id: string, key: string | null): ExchangeStep[] {
  if (key === null || begun.isReadOnly || !begun.caller.canWrite) return [];
  const identity = { ...identityOf(begun, key), requestHash: hashOf(id) };
  const claim = claimedReplyStep(identity, [committedResult(id)]);
  return [roleStep('none'), claim, roleStep(begun.caller.role)];
}

/** Whether a kept reply is that of the COMMIT of transaction `id`. */
export function isReplyOf(id: string, results: readonly StatementResult[]): boolean {
  return results[0]?.rows[0]?.[0] === hashOf(id);
}

function committedResult(id: string): StatementResult {
  const fields = [{ name: 'transaction', typeOid: 25 }];
  const rows = [[hashOf(id)]];
  return { command: 'COMMIT', rowCount: 0, fields, rows, isCutOff: false };
}

function hashOf(id: string): string {
  return createHash('sha256').update(`transaction ${id}`).digest('hex');
}
