/** The only place that reads SQLSTATE (PostgreSQL manual, appendix A). */

/** The five characters of a database error, or null for anything else. */
export function sqlstateOf(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  const code = error.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && 'severity' in error
    ? code
    : null;
}

const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
]);

/** Whether the connection is gone: class 08, 57P01–57P05, or the socket's own error. */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlstateOf(error);
  if (state !== null) return state.startsWith('08') || /^57P0[1-5]$/.test(state);
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string' && socketCodes.has(error.code)) return true;
  return /Connection terminated|Client has encountered a connection error|timeout expired/i.test(
    error.message,
  );
}

/** Whether the statement may simply be tried again: deadlock, lock time-out, serialisation. */
export function isRetryableLock(error: unknown): boolean {
  const state = sqlstateOf(error);
  return state === '40P01' || state === '55P03' || state === '40001';
}

/** Whether PostgreSQL does not do this at all (0A000): another way is needed. */
export function isNotSupported(error: unknown): boolean {
  return sqlstateOf(error) === '0A000';
}

/** Whether the node does not take writes (25006): it is no primary, or no longer. */
export function isReadOnlyNode(error: unknown): boolean {
  return sqlstateOf(error) === '25006';
}

/** The unique index that refused a row (23505). */
export function uniqueIndexOf(
  error: unknown,
): { readonly schema: string; readonly name: string } | null {
  if (sqlstateOf(error) !== '23505') return null;
  const { schema, constraint } = error as { readonly schema?: unknown; constraint?: unknown };
  if (typeof schema !== 'string' || typeof constraint !== 'string') return null;
  return { schema, name: constraint };
}

/** Whether somebody still works in a database (55006). */
export function isInUse(error: unknown): boolean {
  return sqlstateOf(error) === '55006';
}

/**
 * Why a login failed: no rule of pg_hba.conf admits it, or one does by something else than a
 * password, or the password or the role is wrong. Null for anything else. The state alone does not
 * tell, and messages come in the server's language, so the place in its code is looked at.
 */
export function loginRefusalOf(error: unknown): 'no-rule' | 'other-method' | 'password' | null {
  const state = sqlstateOf(error);
  if (state === '28P01') return 'password';
  if (state !== '28000') return null;
  const { routine } = error as { readonly routine?: unknown };
  if (routine === 'ClientAuthentication') return 'no-rule';
  return routine === 'InitializeSessionUserId' ? 'password' : 'other-method';
}
