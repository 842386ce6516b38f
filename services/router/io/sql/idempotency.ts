/**
 * Replies kept under an Idempotency-Key, in the same transaction as the data. A hit locks the row
 * and commits in the mode asked now: release is by LSN, so it covers the first commit too.
 */
import { createHash } from 'node:crypto';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { DataRequest, StatementResult } from '../../../../shared/ports/data-access.ts';
import type { ExchangeStep } from './exchange.ts';

export interface KeyIdentity {
  /** Callers do not share keys. */
  readonly key: string;
  readonly caller: string;
  /** Null when it is only asked what became of the key. */
  readonly requestHash: string | null;
}

/** Who asks for what under `key`. */
export function identityOf(request: DataRequest, key: string): KeyIdentity {
  const caller = `${request.caller.role}/${request.caller.subject}`;
  const { statements, isolation } = request;
  if (statements.length === 0) return { key: `${caller}/${key}`, caller, requestHash: null };
  const requestHash = createHash('sha256')
    .update(JSON.stringify([statements.map(({ sql, params }) => [sql, params]), isolation]))
    .digest('hex');
  return { key: `${caller}/${key}`, caller, requestHash };
}

/** Takes the key, waiting for another request that holds it; fails with 23505 when it was used. */
export function claimStep({ key, caller, requestHash }: KeyIdentity): ExchangeStep {
  const sql = `INSERT INTO meridian.idempotency (key, caller, request_hash, reply)
    VALUES ($1, $2, $3, 'null')`;
  return { sql, values: [key, caller, requestHash ?? ''], isConstant: true };
}

/** Takes the key with the reply it stands for, when that is known before the COMMIT. */
export function claimedReplyStep(
  { key, caller, requestHash }: KeyIdentity,
  results: readonly StatementResult[],
): ExchangeStep {
  const sql = `INSERT INTO meridian.idempotency (key, caller, request_hash, reply)
    VALUES ($1, $2, $3, $4::jsonb)`;
  const values = [key, caller, requestHash ?? '', JSON.stringify(results)];
  return { sql, values, isConstant: true };
}

/** Stores the reply before the COMMIT, as the router, and gives the caller its role back. */
export function saveSteps(
  { key }: KeyIdentity,
  results: readonly StatementResult[],
  role: string,
): ExchangeStep[] {
  const sql = 'UPDATE meridian.idempotency SET reply = $2::jsonb WHERE key = $1';
  const save = { sql, values: [key, JSON.stringify(results)], isConstant: true };
  return [roleStep('none'), save, roleStep(role)];
}

/** Another role for the rest of the transaction; `none` is the router itself. */
export function roleStep(name: string): ExchangeStep {
  return { sql: `SELECT set_config('role', $1, true)`, values: [name], isConstant: true };
}

/** Reads a stored reply under a lock. */
export function storedReplyStep({ key }: KeyIdentity): ExchangeStep {
  const sql = 'SELECT request_hash, reply FROM meridian.idempotency WHERE key = $1 FOR UPDATE';
  return { sql, values: [key], isConstant: true };
}

/** The reply that was found; throws RequestInvalid when the key served another request. */
export function readStoredReply(
  result: StatementResult | undefined,
  identity: KeyIdentity,
): readonly StatementResult[] {
  const [hash, reply] = result?.rows[0] ?? [];
  if (hash === undefined || reply === undefined || reply === null) {
    const hint = 'Send it again: the key has just expired.';
    throw new MeridianError('CommitOutcomeUnknown', 'The stored reply is gone.', { hint });
  }
  if (identity.requestHash !== null && hash !== identity.requestHash) {
    const hint = 'Use a new Idempotency-Key for each different request.';
    throw new MeridianError('RequestInvalid', 'The key was used for another request.', { hint });
  }
  return JSON.parse(reply) as StatementResult[];
}
