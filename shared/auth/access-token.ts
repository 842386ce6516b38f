/** Access tokens of people and applications: JWT with scope and PostgreSQL role (RFC 7519). */
import { randomUUID } from 'node:crypto';
import { jwtVerify, SignJWT, type JWTPayload } from 'jose';
import type { KeySet } from '../config/secrets-schema.ts';
import { MeridianError } from '../errors/meridian-error.ts';
import { keyOf } from './peer-token.ts';
import { checkNotRevoked } from './revocations.ts';

export const scopes = [
  'data:read',
  'data:write',
  'admin:viewer',
  'admin:operator',
  'admin:admin',
  'upstream:register',
] as const;
export type Scope = (typeof scopes)[number];

export interface AccessClaims {
  readonly subject: string;
  readonly scopes: readonly Scope[];
  /** PostgreSQL role that statements run as. */
  readonly role: string;
  readonly claims: Readonly<JWTPayload>;
  /** Subject of the operator's certificate that was shown instead of a token. */
  readonly certificate?: string;
}

export interface AccessTokenOptions {
  readonly clusterId: string;
  readonly keys: KeySet;
  readonly subject: string;
  readonly scopes: readonly Scope[];
  readonly role: string;
  readonly ttlSeconds: number;
}

const audience = 'meridian';
/** No token is accepted for longer: a revocation is kept that long. */
export const longestDays = 400;
/** A stronger scope includes the weaker ones. */
const includes: Partial<Record<Scope, readonly Scope[]>> = {
  'data:write': ['data:read'],
  'admin:operator': ['admin:viewer', 'upstream:register'],
  'admin:admin': ['admin:viewer', 'admin:operator', 'upstream:register'],
};

/** A signed token (HS256, with the key's id). */
export async function signAccessToken(options: AccessTokenOptions): Promise<string> {
  return new SignJWT({ scope: options.scopes.join(' '), role: options.role })
    .setProtectedHeader({ alg: 'HS256', kid: options.keys.signWith })
    .setIssuer(options.clusterId)
    .setAudience(audience)
    .setSubject(options.subject)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(Math.floor(Date.now() / 1000) + options.ttlSeconds)
    .sign(keyOf(options.keys, options.keys.signWith));
}

/** What `token` allows; throws Unauthenticated, for a revoked one as well. */
export async function verifyAccessToken(
  token: string,
  clusterId: string,
  keys: KeySet,
): Promise<AccessClaims> {
  let access: AccessClaims;
  try {
    const { payload } = await jwtVerify(token, (header) => keyOf(keys, header.kid ?? ''), {
      algorithms: ['HS256'],
      issuer: clusterId,
      audience,
      requiredClaims: ['exp', 'sub', 'scope'],
      clockTolerance: 5,
      maxTokenAge: `${String(longestDays)}d`,
    });
    access = claimsOf(payload);
  } catch (error) {
    const hint = 'Get one with: npx meridian token --scope data:write';
    const why = error instanceof Error && 'code' in error ? error.code : undefined;
    const details = { hint, why };
    throw new MeridianError('Unauthenticated', 'The access token is not valid.', details, error);
  }
  checkNotRevoked(access);
  return access;
}

/** Whether `claims` grant `scope`, directly or through a stronger one. */
export function hasScope(claims: AccessClaims, scope: Scope): boolean {
  return claims.scopes.some((own) => own === scope || includes[own]?.includes(scope) === true);
}

function claimsOf(payload: JWTPayload): AccessClaims {
  const words = String(payload['scope']).split(' ');
  const role = payload['role'];
  return {
    subject: payload.sub ?? '',
    scopes: scopes.filter((scope) => words.includes(scope)),
    role: typeof role === 'string' && role !== '' ? role : 'app',
    claims: payload,
  };
}
