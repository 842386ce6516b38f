/** What a caller is told of an interactive transaction that does not take the call. */
import { assertNever } from '../../../../shared/core/assert.ts';
import { MeridianError } from '../../../../shared/errors/meridian-error.ts';
import type { TransactionEnd } from '../../core/open-transaction.ts';

/** PostgreSQL's own: no_active_sql_transaction. */
const noTransaction = '25P01';
/** serialization_failure: who repeats a transaction for it repeats it for a lost primary too. */
const tryAgain = '40001';

/** The error for a call after the transaction has ended. */
export function endedError(end: TransactionEnd): MeridianError {
  const rolledBack = 'The transaction is rolled back';
  switch (end) {
    case 'committed':
      return failed('The transaction is committed already.', noTransaction);
    case 'rolledBack':
      return failed(`${rolledBack}.`, noTransaction);
    case 'unknown':
      return failed(
        'The transaction is over; the outcome of its COMMIT is unknown.',
        noTransaction,
      );
    case 'idle':
      return failed(`${rolledBack}: no call came for too long.`, '25P03');
    case 'tooLong':
      return failed(`${rolledBack}: it was open for too long.`, '25P04');
    case 'abandoned':
      return failed(`${rolledBack}: its caller left, or its deadline passed.`, noTransaction);
    case 'primaryMoved':
      return again('StaleEpoch', `${rolledBack}: the primary is changing.`);
    case 'connectionLost':
      return again('StaleEpoch', `${rolledBack}: the connection to its node was lost.`);
    case 'stopping':
      return again('Draining', `${rolledBack}: the process that held it is stopping.`);
    default:
      return assertNever(end);
  }
}

/** Nothing is known of the transaction: it ended long ago, or its process was started anew. */
export function unknownTransaction(): MeridianError {
  const message = 'There is no such transaction: it has ended.';
  const { hint } = failed(message, noTransaction).details;
  const details = { sqlstate: noTransaction, isForgotten: true, ...(hint && { hint }) };
  return new MeridianError('StatementFailed', message, details);
}

export function notATransaction(): MeridianError {
  const hint = 'Use the id exactly as POST /v1/transactions gave it.';
  return new MeridianError('RequestInvalid', 'The id is not one of a transaction.', { hint });
}

export function busyError(): MeridianError {
  const hint = 'A transaction takes one call at a time: wait for the reply before the next.';
  const message = 'A call of this transaction is under way.';
  return new MeridianError('OperationRunning', message, { hint, retryAfterMs: 50 });
}

function failed(message: string, sqlstate: string): MeridianError {
  const hint = 'Begin again with POST /v1/transactions.';
  return new MeridianError('StatementFailed', message, { sqlstate, hint });
}

function again(code: 'StaleEpoch' | 'Draining', message: string): MeridianError {
  const hint = 'Nothing of it was done: run the whole transaction again.';
  return new MeridianError(code, message, { sqlstate: tryAgain, hint, retryAfterMs: 100 });
}
