/**
 * Access tokens that were revoked in the cluster. The fold of the control log has the list, every
 * process takes it from its region's view; a process is one region's, so there is one list in it.
 */
import type { Revocation } from '../core/control/control-record.ts';
import { MeridianError } from '../errors/meridian-error.ts';

let inForce: readonly Revocation[] = [];

/** Replaces the list; the next request already is judged by it. */
export function installRevocations(revocations: readonly Revocation[]): void {
  inForce = revocations;
}

export interface TokenFacts {
  readonly subject: string;
  readonly claims: { readonly jti?: string | undefined; readonly iat?: number | undefined };
}

/** Whether the token is on the list: by its id, or by its subject when it is old enough. */
export function isRevoked({ subject, claims: { jti, iat } }: TokenFacts): boolean {
  return inForce.some((one) =>
    one.tokenId !== null
      ? one.tokenId === jti
      : one.subject === subject && (iat ?? 0) * 1000 < one.issuedBeforeMs,
  );
}

/** Throws Unauthenticated for a token on the list. */
export function checkNotRevoked(token: TokenFacts): void {
  if (!isRevoked(token)) return;
  const details = { why: 'revoked', hint: 'Ask for a new token: this one was revoked.' };
  throw new MeridianError('Unauthenticated', 'The access token was revoked.', details);
}
