/**
 * How this process secures its links to other processes: which certificate it shows, whom it
 * believes. A process is one region's for all its life, so there is one identity in it, as there
 * is one resolver; without one (mode plain) every link is plain and stays on this machine.
 */
import { EventEmitter } from 'node:events';
import { checkServerIdentity, type ConnectionOptions, type PeerCertificate } from 'node:tls';
import type { Server as TlsServer } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { holderOf, type CertificateUse } from '../core/certificate/link-certificate.ts';
import type { RegionId } from '../core/region.ts';
import { MeridianError } from '../errors/meridian-error.ts';
import { countRefusal, type RefusalReason, type RefusedLink } from '../metrics/refusals.ts';

/**
 * PEM texts, and which region must answer under which name or address. `region`: whose they are;
 * null for an operator.
 */
export interface LinkIdentity {
  readonly clusterId: string;
  readonly region: RegionId | null;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly regionsByHost: ReadonlyMap<string, RegionId>;
}

/** The part of the identity that TLS is given. */
export type LinkCredentials = Required<
  Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'minVersion'>
>;

export interface LinkTls extends LinkCredentials {
  readonly host?: string;
  readonly servername?: string;
  readonly checkServerIdentity: (name: string, certificate: PeerCertificate) => Error | undefined;
}

let current: LinkIdentity | null = null;
const changes = new EventEmitter().setMaxListeners(0);

/** Sets or replaces the identity; new connections use it, servers at once. */
export function installLinkIdentity(identity: LinkIdentity | null): void {
  current = identity;
  changes.emit('change');
}

/** The identity in force; null in mode plain. */
export function linkIdentity(): LinkIdentity | null {
  return current;
}

/** `https` where links are secured. */
export function internalOrigin(host: string, port: number): string {
  return `${current === null ? 'http' : 'https'}://${host}:${String(port)}`;
}

export function credentialsOf(identity: LinkIdentity): LinkCredentials {
  const { authority: ca, certificate: cert, key } = identity;
  return { ca, cert, key, minVersion: 'TLSv1.3' };
}

/** TLS options for a connection to `host` (null: whatever the client dials); null in mode plain. */
export function clientTls(
  link: RefusedLink,
  host: string | null,
  use: CertificateUse = 'region',
): LinkTls | null {
  const identity = current;
  if (identity === null) return null;
  return {
    ...credentialsOf(identity),
    ...(host === null ? {} : { host, ...serverNameOf(host) }),
    checkServerIdentity: (name, certificate) =>
      judgeServer(identity, { link, host: host ?? name, use }, certificate),
  };
}

/** The name that TLS tells the server; addresses are not told (RFC 6066, section 3). */
export function serverNameOf(host: string): { readonly servername?: string } {
  return isIP(host) === 0 ? { servername: host } : {};
}

/** Keeps `server` on the newest certificate until it closes. */
export function followIdentity(server: TlsServer): void {
  const renew = (): void => {
    if (current !== null) server.setSecureContext(credentialsOf(current));
  };
  changes.on('change', renew);
  server.once('close', () => changes.off('change', renew));
}

/**
 * The region whose certificate the other end of `socket` showed. Throws Unauthenticated unless the
 * cluster's own authority vouches for it; null in mode plain.
 */
export function certifiedRegion(socket: Socket, link: RefusedLink): RegionId | null {
  const identity = current;
  if (identity === null) return null;
  const certificate = shownCertificate(socket, link);
  if (certificate === null) {
    throw refuse(link, 'no-certificate', { message: noCertificate });
  }
  const holder = holderOf(certificate.subjectaltname);
  if (holder === null || holder.clusterId !== identity.clusterId || holder.use !== 'region') {
    const message = 'The certificate is not of a region of this cluster.';
    throw refuse(link, 'wrong-region', { message });
  }
  return holder.region;
}

const noCertificate = 'The caller shows no certificate of this cluster.';

/**
 * The certificate that the other end of `socket` showed, vouched for by the cluster's own
 * authority; null when it showed none. Throws Unauthenticated when it is not sound.
 */
export function shownCertificate(
  socket: Socket,
  link: RefusedLink,
): Partial<PeerCertificate> | null {
  const why = whyNotCertified(socket);
  if (why === 'no-certificate') return null;
  if (why !== null) throw refuse(link, why, { message: noCertificate });
  return (socket as unknown as TlsEnd).getPeerCertificate();
}

/** The other end is known, and may not. */
const forbidden: readonly RefusalReason[] = ['wrong-region', 'not-operator', 'not-allowed'];

/** Counts a refusal and makes its error. */
export function refuse(
  link: RefusedLink,
  why: RefusalReason,
  { message, cause }: { readonly message: string; readonly cause?: unknown },
): MeridianError {
  countRefusal(link, why);
  const code = forbidden.includes(why) ? 'Forbidden' : 'Unauthenticated';
  return new MeridianError(code, message, { link, why, hint: hints[why] }, cause);
}

/** A failed connection as a refusal when a certificate was the reason, else `error` itself. */
export function refusalOf(link: RefusedLink, error: unknown): unknown {
  if (error instanceof MeridianError) return error;
  const why = refusalReasonOf(error);
  if (why === null) return error;
  const said = why === 'plain-text' ? 'it speaks plain text' : String((error as Error).message);
  return refuse(link, why, {
    message: `The other end of a link is refused: ${said}.`,
    cause: error,
  });
}

interface TlsEnd {
  readonly authorized?: boolean;
  readonly authorizationError?: unknown;
  /** Without any fact when the other end showed none. */
  getPeerCertificate(): Partial<PeerCertificate>;
}

function whyNotCertified(socket: Socket): RefusalReason | null {
  const { authorized, authorizationError } = socket as unknown as TlsEnd;
  if (authorized === undefined) return 'plain-text';
  if (authorized) return null;
  const { subject } = (socket as unknown as TlsEnd).getPeerCertificate();
  if (subject === undefined) return 'no-certificate';
  const code =
    authorizationError instanceof Error ? authorizationError.message : authorizationError;
  return refusalReasonOf({ code }) ?? 'foreign-authority';
}

function judgeServer(
  { clusterId, regionsByHost }: LinkIdentity,
  dialled: { readonly link: RefusedLink; readonly host: string; readonly use: CertificateUse },
  certificate: PeerCertificate,
): Error | undefined {
  const expected = regionsByHost.get(dialled.host);
  if (expected === undefined) return checkServerIdentity(dialled.host, certificate);
  const holder = holderOf(certificate.subjectaltname);
  const isRight =
    holder?.clusterId === clusterId && holder.region === expected && holder.use === dialled.use;
  if (isRight) return undefined;
  const is = holder === null ? 'nobody of this cluster' : `${holder.use} ${holder.region}`;
  const message = `${dialled.host} shows the certificate of ${is} instead of ${expected}'s`;
  return Object.assign(new Error(message), { code: 'ERR_MERIDIAN_WRONG_REGION' });
}

const reasons: Readonly<Record<string, RefusalReason>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'expired',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'foreign-authority',
  UNABLE_TO_GET_ISSUER_CERT: 'foreign-authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'foreign-authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'foreign-authority',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'foreign-authority',
  CERT_SIGNATURE_FAILURE: 'foreign-authority',
  CERT_UNTRUSTED: 'foreign-authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'wrong-region',
  ERR_MERIDIAN_WRONG_REGION: 'wrong-region',
  ERR_SSL_WRONG_VERSION_NUMBER: 'plain-text',
};

/** What the other end says of this one's certificate, whatever OpenSSL calls its alerts. */
const alerts: Readonly<Record<string, RefusalReason>> = {
  UNKNOWN_CA: 'foreign-authority',
  CERTIFICATE_UNKNOWN: 'foreign-authority',
  BAD_CERTIFICATE: 'foreign-authority',
  CERTIFICATE_EXPIRED: 'expired',
  CERTIFICATE_REQUIRED: 'no-certificate',
};

/** The reason behind an error or one of its causes; null when no certificate has to do with it. */
export function refusalReasonOf(error: unknown): RefusalReason | null {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; depth += 1) {
    const { code, cause, message } = at as Record<string, unknown>;
    // PostgreSQL's driver has no code for a server without TLS.
    if (message === 'The server does not support SSL connections') return 'plain-text';
    const why = typeof code === 'string' ? reasonOfCode(code) : undefined;
    if (why !== undefined) return why;
    at = cause;
  }
  return null;
}

function reasonOfCode(code: string): RefusalReason | undefined {
  const alert = /^ERR_SSL_.*_ALERT_(\w+)$/.exec(code)?.[1];
  return alert === undefined ? reasons[code] : alerts[alert];
}

const hints: Readonly<Record<RefusalReason, string>> = {
  'no-certificate': "Present the certificate of the region's secrets file.",
  'foreign-authority': 'Both ends need secrets files that one meridian init has written.',
  expired: 'Renew it: npx meridian certificates renew. Check the clocks of both machines.',
  'wrong-region': "Each region's host needs the secrets file of that region, and of no other.",
  'not-operator': 'The admin API takes certificates of: npx meridian certificates operator.',
  revoked: 'Ask for a new one: this one was revoked.',
  'plain-text': 'security.mode must be the same on both ends.',
  'bad-token': 'Both ends need the same cluster id and keys.',
  scope: 'Use a token with the scope that the verb needs.',
  replayed: 'A signed header counts once, on its own way and for a short time.',
  'not-allowed': "The broker's access rules allow this to another region only.",
};
