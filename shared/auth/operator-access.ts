/** Who may use the admin API by a client certificate instead of a bearer token. */
import type { Socket } from 'node:net';
import { operatorOf } from '../core/certificate/link-certificate.ts';
import { linkIdentity, refuse, shownCertificate } from '../runtime/link-security.ts';
import type { AccessClaims } from './access-token.ts';
import { isRevoked } from './revocations.ts';

/**
 * What the operator's certificate on `socket` grants: the scope of its role, its serial number as
 * the id by which it is revoked. Null without a certificate and in mode plain; throws, counted,
 * when it is not sound, over, revoked or not an operator's.
 */
export function accessByCertificate(socket: Socket): AccessClaims | null {
  const identity = linkIdentity();
  if (identity === null) return null;
  const shown = shownCertificate(socket, 'admin');
  if (shown === null) return null;
  const holder = operatorOf(shown.subjectaltname);
  if (holder === null || holder.clusterId !== identity.clusterId) {
    const message = 'The certificate is not of an operator of this cluster.';
    throw refuse('admin', 'not-operator', { message });
  }
  // A connection, and what TLS resumes, may outlive the certificate that began it.
  if (!(Date.parse(shown.valid_to ?? '') > Date.now())) {
    throw refuse('admin', 'expired', { message: "The operator's certificate has expired." });
  }
  const access: AccessClaims = {
    subject: holder.name,
    scopes: [`admin:${holder.role}`],
    role: 'app',
    claims: {
      jti: (shown.serialNumber ?? '').toLowerCase(),
      iat: Math.floor(Date.parse(shown.valid_from ?? '') / 1000),
    },
    certificate: `CN=${holder.name}, OU=operator`,
  };
  if (!isRevoked(access)) return access;
  throw refuse('admin', 'revoked', { message: "The operator's certificate was revoked." });
}
