/** What a failed exchange means to the caller. */
import { InvariantBroken } from '../../../../shared/core/assert.ts';
import { MeridianError, messageOf } from '../../../../shared/errors/meridian-error.ts';
import { isReadOnlyNode, sqlstateOf } from '../../../../shared/errors/sqlstate.ts';
import { ExchangeFailed } from './exchange.ts';

/** How far an exchange had got when it failed. */
export type FailedPhase = 'before-commit' | 'commit' | 'after-commit';

export interface SqlFailure {
  readonly phase: FailedPhase;
  /** PostgreSQL answered with an ERROR: the session lives, the transaction is rolled back. */
  readonly isAnswered: boolean;
  readonly isReadOnly: boolean;
  readonly sqlstate: string | null;
  readonly cause: unknown;
}

/** Judges `error` of an exchange whose COMMIT is step `commitStep` (null: it has none). */
export function judgeFailure(error: unknown, commitStep: number | null): SqlFailure {
  if (!(error instanceof ExchangeFailed)) throw asError(error);
  const phase =
    commitStep === null || error.step < commitStep
      ? 'before-commit'
      : error.step === commitStep
        ? 'commit'
        : 'after-commit';
  const sqlstate = sqlstateOf(error.cause);
  const severity = textField(error.cause, 'severity');
  // Only FATAL and PANIC end the session; a wrong number of parameters is an ERROR of class 08.
  const isAnswered = sqlstate !== null && severity === 'ERROR';
  // Without an answer nobody knows how far PostgreSQL had got, unless it said so (FATAL).
  const isSilent = sqlstate === null && error.wasSent;
  return {
    phase: isSilent && commitStep !== null && phase === 'before-commit' ? 'commit' : phase,
    isAnswered,
    // A standby refuses BEGIN READ WRITE itself, as a feature that it does not have.
    isReadOnly: isReadOnlyNode(error.cause) || (error.step === 0 && sqlstate === '0A000'),
    sqlstate,
    cause: error.cause,
  };
}

/** The typed error of a transaction that certainly did not commit. */
export function errorOfFailure(failure: SqlFailure): MeridianError {
  const { cause, sqlstate } = failure;
  if (!failure.isAnswered) {
    const facts = { why: messageOf(cause) };
    const message = 'The connection to the node was lost; nothing was done.';
    return new MeridianError('ReplicaUnavailable', message, facts, cause);
  }
  if (sqlstate === '57014') {
    const message = 'PostgreSQL ended the statement at its deadline; nothing was done.';
    return new MeridianError('DeadlineExceeded', message, { sqlstate }, cause);
  }
  const facts: Record<string, string> = {};
  for (const key of ['detail', 'hint', 'position', 'schema', 'table', 'column', 'constraint']) {
    const value = textField(cause, key);
    if (value !== '') facts[key === 'detail' ? 'sqlDetail' : key] = value;
  }
  const details = { ...facts, ...(sqlstate === null ? {} : { sqlstate }) };
  return new MeridianError('StatementFailed', messageOf(cause), details, cause);
}

/** A COMMIT went out and its outcome is not known. */
export function outcomeUnknown(why: string, hasKey: boolean, cause?: unknown): MeridianError {
  const hint = hasKey
    ? 'Send the same request with the same Idempotency-Key: it is done exactly once.'
    : 'Look whether it happened; with an Idempotency-Key the request could simply be repeated.';
  return new MeridianError('CommitOutcomeUnknown', why, { hint }, cause);
}

function textField(value: unknown, key: string): string {
  if (typeof value !== 'object' || value === null) return '';
  const found: unknown = Reflect.get(value, key);
  return typeof found === 'string' ? found : '';
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new InvariantBroken(String(error));
}
